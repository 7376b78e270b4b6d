"""A photo's original bytes: as a stream, and into a folder."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType

from soutu_client._calls import Calls
from soutu_client._convert import photos as convert
from soutu_client._errors import DataLossError
from soutu_client._language import Text
from soutu_client._naming import numbered, safe_file_name

__all__ = ["OriginalStream", "open_original", "save_original"]

_TRANSFER_SECONDS = 3600.0

_DAMAGED = Text(
    zh="收到的原图与照片编号不符，没有保存：请再试一次；若仍然如此，存储中的文件可能已损坏",
    en="what arrived is not the photo's content, nothing was saved: try again; if it stays so, the stored file may be damaged",
)


class OriginalStream:
    """A photo's original, or a part of it, read as it arrives. Iterate over its chunks once, or ``read`` them; use ``with``.

    Attributes:
        photo_id: Whole id of the photo.
        media_type: For instance ``image/heic``.
        size_bytes: Size of the whole.
        file_name: Last part of its name; not checked for use as a file's name.
    """

    def __init__(self, photo_id: str, *, media_type: str, size_bytes: int, file_name: str, chunks: Generator[bytes]) -> None:
        self.photo_id = photo_id
        self.media_type = media_type
        self.size_bytes = size_bytes
        self.file_name = file_name
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def read(self) -> bytes:
        """Return all that was asked for."""
        return b"".join(self)

    def close(self) -> None:
        """End the transfer."""
        self._chunks.close()

    def __enter__(self) -> OriginalStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def open_original(
    calls: Calls, photo_id: str, *, part_id: str = "", offset: int = 0, length: int | None = None
) -> OriginalStream:
    """Begin to read a photo's original.

    Args:
        calls: The service.
        photo_id: The photo.
        part_id: Which of its parts; empty: what it is shown by.
        offset: Byte to begin with; a negative one counts from the end. Behind the end there are none.
        length: Bytes to read at most, 1 or more; None: to the end.

    Raises:
        NotFoundError: There is no such photo, or its bytes are gone.
    """
    request = convert.read_original_request(photo_id, offset, length, part_id=part_id)
    parts = calls.receiving(calls.photos.ReadOriginal, request, timeout_seconds=_TRANSFER_SECONDS)
    first = next(parts, convert.OriginalPart())
    return OriginalStream(
        photo_id,
        media_type=first.media_type,
        size_bytes=first.size_bytes,
        file_name=first.file_name,
        chunks=_chunks(first, parts),
    )


def _chunks(first: convert.OriginalPart, parts: Generator[convert.OriginalPart]) -> Generator[bytes]:
    try:
        if first.chunk:
            yield first.chunk
        for part in parts:
            yield part.chunk
    finally:
        parts.close()


def save_original(calls: Calls, photo_id: str, folder: Path, *, part_id: str = "") -> Path:
    """Save a photo's original, or one of its parts, into a folder under its own name, made safe; never over another file.

    A file of that name with the same content is left as it is and returned. The bytes are written aside and moved into place
    when they are whole and match the photo's id.

    Raises:
        OSError: The folder cannot be written.
        DataLossError: What arrived is not the photo's content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content_id = part_id or photo_id
    with open_original(calls, photo_id, part_id=part_id) as original:
        name = safe_file_name(original.file_name or content_id)
        for candidate in numbered(name):
            path = folder / candidate
            if not os.path.lexists(path):
                break
            if path.is_file() and path.stat().st_size == original.size_bytes and _is_content(path, content_id):
                return path
        unfinished = folder / f".soutu-{secrets.token_hex(8)}.part"
        try:
            digest = hashlib.sha256()
            with unfinished.open("xb") as file:
                for chunk in original:
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if not digest.hexdigest().startswith(content_id):
                raise DataLossError(_DAMAGED.to(calls.language), reason="CONTENT_MISMATCH")
            return _place(unfinished, folder, name)
        finally:
            unfinished.unlink(missing_ok=True)


def _place(unfinished: Path, folder: Path, name: str) -> Path:
    """Move a file under the first free name: an empty file takes the name first, so that no other file is ever replaced."""
    for candidate in numbered(name):
        path = folder / candidate
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        unfinished.replace(path)
        return path
    raise AssertionError("names never end")


def _is_content(path: Path, content_id: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(content_id)
