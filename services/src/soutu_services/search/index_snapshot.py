"""The file that an index is kept in between two runs. It is derived: what is wrong with it costs a rebuild, nothing else.

Where the index has a base, which has a file of its own, this one names it and holds what is not in it.

Format, little-endian: a line of JSON that says what follows (magic, version, space, dimension, the catalog's mark, the base);
then blocks, each the number of its vectors (uint32), their ids (int64) and the vectors (float32); a block of none; the SHA-256 of
all before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soutu_services.search.aside_file import AsideFile
from soutu_services.search.model import FloatArray

__all__ = ["BadSnapshot", "SnapshotHead", "read_snapshot", "snapshot_base", "write_snapshot"]

_MAGIC = "soutu-index"
_VERSION = 1
_MOST_HEAD_BYTES = 4096
_MOST_IN_BLOCK = 1 << 20
_COUNT_BYTES = 4
_DIGEST_BYTES = 32

_Ids = npt.NDArray[np.int64]


class BadSnapshot(Exception):  # noqa: N818 - it is a verdict on a file
    """The file is no snapshot, is not whole, or is not the one that is wanted; the text says which, for the log."""


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """What a snapshot is of: the space, the length of its vectors, the catalog's mark, and the name of the base's file if any."""

    space_id: str
    dimension: int
    mark: str
    base: str = ""


def write_snapshot(path: Path, head: SnapshotHead, blocks: Iterable[tuple[_Ids, FloatArray]]) -> None:
    """Write a snapshot aside and put it into its place when it is on the disk.

    Args:
        path: The file, replaced if it is there.
        head: What it is of.
        blocks: Ids, int64, shape (n,), and vectors, float32, shape (n, dimension).

    Raises:
        OSError: the disk does not take it; what was there before still is.
    """
    with AsideFile(path) as file:
        digest = hashlib.sha256()

        def put(data: bytes | memoryview) -> None:
            digest.update(data)
            file.write(data)

        put(json.dumps({"magic": _MAGIC, "version": _VERSION, **asdict(head)}).encode() + b"\n")
        for ids, vectors in blocks:
            if len(ids):
                put(np.uint32(len(ids)).astype("<u4").tobytes())
                put(np.ascontiguousarray(ids, dtype="<i8").data.cast("B"))
                put(np.ascontiguousarray(vectors, dtype="<f4").data.cast("B"))
        put(bytes(_COUNT_BYTES))
        file.write(digest.digest())


def read_snapshot(
    path: Path, space_id: str, dimension: int, *, is_known: Callable[[str], bool]
) -> Generator[tuple[_Ids, FloatArray]]:
    """Read a snapshot, block by block, as it was written.

    Nothing of it may be used unless the generator comes to its end: only then is the file known to be whole.

    Args:
        path: The file.
        space_id: The space that is wanted.
        dimension: Length of its vectors.
        is_known: Tells whether a mark is the catalog's.

    Raises:
        BadSnapshot: the file is not there, cannot be read, is torn or changed, is another version's, another space's or another
            catalog's.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(_MOST_HEAD_BYTES)
            head = _head(line)
            if (head.space_id, head.dimension) != (space_id, dimension):
                raise BadSnapshot("it is of another space")
            if not is_known(head.mark):
                raise BadSnapshot("it is not of this catalog as it is now")
            yield from _blocks(file, line, dimension)
    except FileNotFoundError:
        raise BadSnapshot("there is none") from None
    except OSError as error:
        raise BadSnapshot(f"it cannot be read: {error.strerror}") from error


def snapshot_base(path: Path) -> str:
    """Name the file of the base that a snapshot goes with; empty: none. It holds only if the snapshot then reads whole.

    Raises:
        BadSnapshot: it is no snapshot, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _head(file.readline(_MOST_HEAD_BYTES)).base
    except FileNotFoundError:
        raise BadSnapshot("there is none") from None
    except OSError as error:
        raise BadSnapshot(f"it cannot be read: {error.strerror}") from error


def _head(line: bytes) -> SnapshotHead:
    try:
        said = json.loads(line)
        if said.pop("magic") != _MAGIC:
            raise BadSnapshot("it is no snapshot")
        if said.pop("version") != _VERSION:
            raise BadSnapshot("it is another version's")
        base = str(said.get("base", ""))
        return SnapshotHead(space_id=str(said["space_id"]), dimension=int(said["dimension"]), mark=str(said["mark"]), base=base)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise BadSnapshot("it is no snapshot") from error


def _blocks(file: BufferedReader, line: bytes, dimension: int) -> Iterator[tuple[_Ids, FloatArray]]:
    digest = hashlib.sha256(line)
    left = os.fstat(file.fileno()).st_size - len(line)
    while True:
        (count,) = np.frombuffer(_take(file, _COUNT_BYTES, digest), dtype="<u4")
        left -= _COUNT_BYTES
        if not count:
            break
        size = int(count) * (8 + 4 * dimension)
        if count > _MOST_IN_BLOCK or size > left:
            raise BadSnapshot("it is torn")
        left -= size
        ids = np.frombuffer(_take(file, 8 * int(count), digest), dtype="<i8")
        vectors = np.frombuffer(_take(file, 4 * dimension * int(count), digest), dtype="<f4")
        yield ids.astype(np.int64), vectors.reshape(int(count), dimension).astype(np.float32, copy=False)
    if file.read(_DIGEST_BYTES + 1) != digest.digest():
        raise BadSnapshot("its checksum differs")


def _take(file: BufferedReader, size: int, digest: hashlib._Hash) -> bytearray:
    """Read exactly so many bytes."""
    data = bytearray(size)
    if file.readinto(data) != size:
        raise BadSnapshot("it is torn")
    digest.update(data)
    return data
