"""One file's way to the service."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from soutu_client._calls import Calls
from soutu_client._convert import photos as convert
from soutu_client._errors import FileChangedError, SoutuError
from soutu_client._language import Text
from soutu_client._readable import Opener, Readable
from soutu_client.models import Upload

__all__ = ["FileContent", "read_content", "upload_content"]

_CHUNK_BYTES = 512 * 1024
_SLOWEST_BYTES_PER_SECOND = 64 * 1024

_CHANGED = Text(
    zh="文件在读取过程中被改动：请等写入结束后再添加一次",
    en="the file changed while it was read: add it again when nothing writes to it",
)


@dataclass(frozen=True)
class FileContent:
    """What a file held when it was read.

    Attributes:
        path: Where it is.
        sha256: As hex digits.
        size_bytes: Size.
        modified_at: Modification time in UTC; None: it is none.
        opened: Opens it, where it lies in an archive.
    """

    path: Path
    sha256: str
    size_bytes: int
    modified_at: datetime | None
    opened: Opener | None = None

    def open(self) -> Readable:
        """Open it.

        Raises:
            OSError: It cannot be read.
        """
        return self.opened() if self.opened else self.path.open("rb")


def read_content(
    path: Path, *, opened: Opener | None = None, modified_ns: int = 0, is_stopped: Callable[[], bool] = lambda: False
) -> FileContent:
    """Read a file once for its digest.

    Args:
        path: Where it is.
        opened: Opens it, where it lies in an archive.
        modified_ns: When it was last written, if it lies in an archive, in nanoseconds since 1970.
        is_stopped: Whether to end early.

    Raises:
        OSError: It cannot be read, or ``is_stopped`` said so (``InterruptedError``).
    """
    digest = hashlib.sha256()
    size = 0
    with opened() if opened else path.open("rb") as file:
        modified = modified_ns / 1e9 if opened else Path(path).stat().st_mtime
        while chunk := file.read(_CHUNK_BYTES):
            if is_stopped():
                raise InterruptedError
            digest.update(chunk)
            size += len(chunk)
    return FileContent(path, digest.hexdigest(), size, _moment(modified), opened=opened)


def _moment(seconds: float) -> datetime | None:
    """Return a moment; None for what no calendar holds, as broken file systems give it."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None


def upload_content(
    calls: Calls,
    content: FileContent,
    *,
    name: str,
    on_bytes: Callable[[int], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> Upload:
    """Stream a file to the service; ``on_bytes`` is told the size of each chunk.

    Raises:
        OSError: It cannot be read any more.
        FileChangedError: It is not what ``content`` says.
        SoutuError: The service did not take it.
    """
    messages = _Messages(content, name=name, on_bytes=on_bytes, is_stopped=is_stopped)
    deadline = calls.timeout_seconds + content.size_bytes / _SLOWEST_BYTES_PER_SECOND
    try:
        answer = calls.sending(calls.photos.UploadPhoto, iter(messages), timeout_seconds=deadline)
    except SoutuError:
        if messages.failure is not None:
            raise messages.failure from None
        if messages.is_changed:
            raise FileChangedError(_CHANGED.to(calls.language), reason="FILE_CHANGED") from None
        raise
    return convert.upload(answer)


class _Messages:
    """The messages of an upload. A file that fails midway ends them early, which the service refuses; the cause is kept."""

    def __init__(
        self, content: FileContent, *, name: str, on_bytes: Callable[[int], None], is_stopped: Callable[[], bool]
    ) -> None:
        self._content = content
        self._header = convert.header_request(  # here, where what cannot be written raises to the caller
            name=name, size_bytes=content.size_bytes, sha256=content.sha256, modified_at=content.modified_at
        )
        self._on_bytes = on_bytes
        self._is_stopped = is_stopped
        self.failure: OSError | None = None
        self.is_changed = False

    def __iter__(self) -> Iterator[convert.UploadMessage]:
        content = self._content
        yield self._header
        digest = hashlib.sha256()
        try:
            with content.open() as file:
                while chunk := file.read(_CHUNK_BYTES):
                    if self._is_stopped():
                        raise InterruptedError
                    digest.update(chunk)
                    yield convert.chunk_request(chunk)
                    self._on_bytes(len(chunk))
        except OSError as error:
            self.failure = error
        self.is_changed = digest.hexdigest() != content.sha256
