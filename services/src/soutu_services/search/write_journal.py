"""Bytes that the store has taken and may not have on its disk yet, kept until it must have.

An S3 server answers when it has the bytes, which need not be when its disk has: ``rclone serve s3`` writes plain files and leaves
it to the system when they get to the disk. So what soutu acknowledges lies here as well, flushed, for a while: a power cut in
between costs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from soutu_services.runtime.errors import Overloaded, Unavailable
from soutu_services.search.aside_file import AsideFile, sync_folder
from soutu_services.search.journal_records import KeptWrite, WritePlace, pieces_of, read_records, write_record

__all__ = ["WriteJournal", "boot_id"]

_logger = logging.getLogger(__name__)

_SEGMENT_BYTES = 64 << 20
_SEGMENT_SECONDS = 15.0
_GATHERED_BYTES = 8 << 20
_SUFFIX = ".log"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True)
class _Segment:
    path: Path
    size_bytes: int
    since: float


class WriteJournal:
    """Keeps writes. Thread safe. Close it at the end; what it holds stays.

    Args:
        folder: Its folder, on a local disk; made when it is missing.
        keep_seconds: How long bytes are kept: longer than any system leaves them in its memory. 0: none are.
        max_bytes: Bytes that it may have; beyond, the oldest go early.
        boot: Tells one run of the machine from the next; empty: unknown.
    """

    def __init__(self, folder: Path, *, keep_seconds: float, max_bytes: int, boot: str) -> None:
        self._folder = folder
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._boot = boot
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        folder.mkdir(parents=True, exist_ok=True)
        now = time.monotonic()
        paths = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
        self._segments = [_Segment(path, path.stat().st_size, now) for path in paths]  # how old they are no clock can tell
        self._next = 1 + max((int(path.stem) for path in paths), default=0)
        self.is_doubtful = bool(paths) and (not boot or self._noted_boot() != boot)
        """Whether the machine was started anew since these bytes were written, so that they may not be where they were put."""

    def append(self, writes: Sequence[tuple[WritePlace, Iterable[bytes]]]) -> None:
        """Keep what was written; it is on the disk when this returns. Where that fails, none of it is kept.

        Args:
            writes: Places and their bytes, piece by piece; what yields them may raise.

        Raises:
            Overloaded: the disk does not take them.
            ValueError: the bytes of one are not as many as its place says.
        """
        if not self._keep_seconds:
            return
        with self._lock:
            try:
                file, segment = self._current()
                for place, pieces in writes:
                    write_record(file, place, pieces)
                file.flush()
                os.fsync(file.fileno())
                segment.size_bytes = file.tell()
            except OSError as error:
                self._drop_unfinished()
                raise _disk_full() from error
            except BaseException:
                self._drop_unfinished()
                raise

    def append_stream(self, source: str, key: str, pieces: Iterable[bytes]) -> None:
        """Keep what was written, whatever its size and digest turn out to be.

        It is gathered first: a source of bytes that stands still holds up nobody else who keeps something.

        Args:
            source: The source it was written to, or ``""`` for the recycle bucket.
            key: Its key there.
            pieces: Its bytes; what yields them may raise.

        Raises:
            Overloaded: the disk does not take it.
        """
        if not self._keep_seconds:
            return
        with tempfile.SpooledTemporaryFile(_GATHERED_BYTES, dir=str(self._folder)) as gathered:
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
                try:
                    gathered.write(piece)
                except OSError as error:
                    raise _disk_full() from error
            place = WritePlace(source, key, digest.hexdigest(), gathered.tell())
            self.append([(place, pieces_of(cast(BinaryIO, gathered)))])

    def writes(self) -> Iterator[KeptWrite]:
        """List what is kept, oldest first."""
        with self._lock:
            paths = [segment.path for segment in self._segments]
        for path in paths:
            try:
                yield from read_records(path)
            except FileNotFoundError:
                continue  # dropped meanwhile: it was old enough
            except OSError:
                _logger.exception("a segment of the journal cannot be read; what is kept in it is passed over")

    def require_settled(self) -> None:
        """Go on, unless the store may lack what is kept: then nothing may be copied within it.

        Raises:
            Unavailable: it may; what is kept is being compared with it.
        """
        if self.is_doubtful:
            raise Unavailable(
                "STORE_COMPARED",
                zh="存储可能刚断过电，正在核对最近写入的文件，请稍后再试",
                en="the store may have lost its power; what was written of late is being compared, try again in a moment",
            )

    def find(self, sha256: str) -> KeptWrite | None:
        """Find the bytes of a content."""
        return next((write for write in self.writes() if write.place.sha256 == sha256), None)

    def settle(self) -> None:
        """Note that what is kept was compared with the store in this run of the machine."""
        with AsideFile(self._folder / "boot") as file:
            file.write(self._boot.encode())
        self.is_doubtful = False

    def drop_old(self) -> None:
        """Drop what is old enough to be on the store's disk; nothing while that is in doubt."""
        with self._lock:
            now = time.monotonic()
            if self._file is not None and now - self._segments[-1].since > _SEGMENT_SECONDS:
                self._end_segment()
            while self._segments and not self.is_doubtful:
                oldest = self._segments[0]
                is_open = self._file is not None and len(self._segments) == 1
                if is_open or (now - oldest.since < self._keep_seconds + _SEGMENT_SECONDS and not self._is_too_large()):
                    return
                oldest.path.unlink(missing_ok=True)
                del self._segments[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._segments

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._end_segment()

    def _noted_boot(self) -> str:
        try:
            return (self._folder / "boot").read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""

    def _current(self) -> tuple[BinaryIO, _Segment]:
        if self._file is not None and (
            self._segments[-1].size_bytes > _SEGMENT_BYTES or time.monotonic() - self._segments[-1].since > _SEGMENT_SECONDS
        ):
            self._end_segment()
        if self._file is None:
            if not self._segments and not self.is_doubtful and self._noted_boot() != self._boot:
                self.settle()
            path = self._folder / f"{self._next:08d}{_SUFFIX}"
            self._next += 1
            self._file = path.open("wb")
            self._segments.append(_Segment(path, 0, time.monotonic()))
            sync_folder(self._folder)
        return self._file, self._segments[-1]

    def _end_segment(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError:
                return  # what was not written was not acknowledged either

    def _drop_unfinished(self) -> None:
        """End the segment and cut off what was not acknowledged: nothing may follow it, and it may be what fills the disk."""
        if self._file is None:
            return
        self._end_segment()
        segment = self._segments[-1]
        with contextlib.suppress(OSError):
            os.truncate(segment.path, segment.size_bytes)

    def _is_too_large(self) -> bool:
        return sum(segment.size_bytes for segment in self._segments) > self._max_bytes


def boot_id() -> str:
    """Tell this run of the machine from every other; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _disk_full() -> Overloaded:
    return Overloaded(
        "DISK_FULL",
        zh="搜索服务的磁盘写不进去，请检查剩余空间后重试",
        en="the search service's disk does not take more; check its free space and try again",
    )
