"""Bytes that the store has taken and may not have on its disk yet, kept until it must have.

An S3 server answers when it has the bytes, which need not be when its disk has: ``rclone serve s3`` writes plain files and leaves
it to the system when they get to the disk. So what soutu acknowledges lies here as well, flushed, for a while: a power cut in
between costs nothing.

A segment of the journal is a file of records: a line of JSON (source, key, digest, size), then the bytes. A record that is cut
off ends its segment: nobody was told that it was there.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from soutu_services.runtime.errors import Overloaded, Unavailable
from soutu_services.search.aside_file import AsideFile, sync_folder

__all__ = ["KeptWrite", "WriteJournal", "WritePlace", "boot_id", "pieces_of"]

_SEGMENT_BYTES = 64 << 20
_SEGMENT_SECONDS = 15.0
_PIECE_BYTES = 1 << 20
_MOST_HEAD_BYTES = 16384
_SUFFIX = ".log"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class WritePlace:
    """Where bytes were written to: a source, or ``""`` for the recycle bucket, the key in it, and their digest and size."""

    source: str
    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptWrite:
    """A record of the journal: the place, and where its bytes lie."""

    place: WritePlace
    path: Path
    offset: int

    def open(self) -> BinaryIO | None:
        """Open the bytes, checked; None if they are not what was written."""
        file = self.path.open("rb")
        digest = hashlib.sha256()
        for piece in _pieces(file, self.offset, self.place.size_bytes):
            digest.update(piece)
        if digest.hexdigest() != self.place.sha256:
            file.close()
            return None
        file.seek(self.offset)
        return file


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
        """Keep what was written; it is on the disk when this returns.

        Args:
            writes: Places and their bytes, piece by piece.

        Raises:
            Overloaded: the disk does not take them.
        """
        if not self._keep_seconds:
            return
        with self._lock:
            try:
                file, segment = self._current()
                for place, pieces in writes:
                    file.write(json.dumps(asdict(place), ensure_ascii=False).encode() + b"\n")
                    for piece in pieces:
                        file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                segment.size_bytes = file.tell()
            except OSError as error:
                self._end_segment()
                raise Overloaded(
                    "DISK_FULL",
                    zh="搜索服务的磁盘写不进去，请检查剩余空间后重试",
                    en="the search service's disk does not take more; check its free space and try again",
                ) from error

    def writes(self) -> Iterator[KeptWrite]:
        """List what is kept, oldest first."""
        with self._lock:
            paths = [segment.path for segment in self._segments]
        for path in paths:
            try:
                yield from _records(path)
            except FileNotFoundError:
                continue  # dropped meanwhile: it was old enough

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

    def _is_too_large(self) -> bool:
        return sum(segment.size_bytes for segment in self._segments) > self._max_bytes


def pieces_of(data: bytes | BinaryIO) -> Iterator[bytes]:
    """Yield bytes, or a file from its beginning, piece by piece."""
    if isinstance(data, bytes):
        yield data
        return
    data.seek(0)
    while piece := data.read(_PIECE_BYTES):
        yield piece


def boot_id() -> str:
    """Tell this run of the machine from every other; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _records(path: Path) -> Iterator[KeptWrite]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while line := file.readline(_MOST_HEAD_BYTES):
            try:
                place = WritePlace(**json.loads(line))
                offset = file.tell()
                end = offset + int(place.size_bytes)
            except (ValueError, TypeError):
                return
            if end > size:
                return
            yield KeptWrite(place, path, offset)
            file.seek(end)


def _pieces(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    file.seek(offset)
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece
