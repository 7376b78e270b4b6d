"""Records of the write journal, in the files that hold them.

A segment of the journal is a file of records: a line of JSON (source, key, digest, size), then the bytes. A record that is cut
off ends its segment: nobody was told that it was there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["KeptWrite", "WritePlace", "pieces_of", "read_records", "write_record"]

_PIECE_BYTES = 1 << 20
_MOST_HEAD_BYTES = 16384


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
        """Open the bytes, checked; None if they are not what was written, or cannot be read any more."""
        try:
            file = self.path.open("rb")
        except OSError:
            return None
        try:
            digest = hashlib.sha256()
            for piece in _pieces(file, self.offset, self.place.size_bytes):
                digest.update(piece)
            file.seek(self.offset)
        except OSError:
            file.close()
            return None
        if digest.hexdigest() != self.place.sha256:
            file.close()
            return None
        return file

    def explains(self, found: Iterable[bytes]) -> bool:
        """Tell whether bytes may be what a power cut left of these: some of them, and zeros. What a person wrote there is not."""
        file = self.open()
        if file is None:
            return False
        with file:
            left = self.place.size_bytes
            for piece in found:
                kept = file.read(min(len(piece), left))
                left -= len(kept)
                there, written = np.frombuffer(piece, np.uint8), np.frombuffer(kept.ljust(len(piece), b"\0"), np.uint8)
                if ((there != written) & (there != 0)).any():
                    return False
        return True


def write_record(file: BinaryIO, place: WritePlace, pieces: Iterable[bytes]) -> None:
    """Write a record.

    Raises:
        OSError: the disk does not take it.
        ValueError: the bytes are not as many as the place says, so that what follows could not be found.
    """
    file.write(json.dumps(asdict(place), ensure_ascii=False).encode() + b"\n")
    left = place.size_bytes
    for piece in pieces:
        left -= len(piece)
        file.write(piece)
    if left:
        raise ValueError(f"{left} bytes are missing")


def read_records(path: Path) -> Iterator[KeptWrite]:
    """Yield the records of a segment, up to the first that is not whole.

    Raises:
        OSError: it cannot be read.
    """
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


def pieces_of(data: bytes | BinaryIO) -> Iterator[bytes]:
    """Yield bytes, or a file from its beginning, piece by piece."""
    if isinstance(data, bytes):
        yield data
        return
    data.seek(0)
    while piece := data.read(_PIECE_BYTES):
        yield piece


def _pieces(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    file.seek(offset)
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece
