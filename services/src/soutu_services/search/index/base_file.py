"""The file that holds the base of an index: vectors as the catalog has them, mapped into memory, and codes to scan.

Format, little-endian: a line of JSON that says what follows (magic, version, space, dimension), filled up with spaces to 4,096
bytes; the vectors (float16); their lengths (float32); their ids (int64, in order); the codes, as FAISS writes them; the number of
the vectors and of the codes' bytes (uint64 each); the SHA-256 of all before. It is derived, and never changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.search.aside_file import AsideFile
from soutu_services.search.index.codes import BadCodes, Codes
from soutu_services.search.model import FloatArray

__all__ = ["BadBase", "BaseFile", "HalfArray", "base_bytes", "read_base", "write_base"]

HalfArray = npt.NDArray[np.float16]

_MAGIC = "soutu-index-base"
_VERSION = 1
_HEAD_BYTES = 4096
_TAIL = np.dtype([("vectors", "<u8"), ("code_bytes", "<u8")])
_DIGEST_BYTES = 32
_READ_BYTES = 1 << 20


class BadBase(Exception):  # noqa: N818 - it is a verdict on a file
    """The file is no base, is not whole, or is not the one that is wanted; the text says which, for the log."""


@dataclass(frozen=True, slots=True)
class BaseFile:
    """What a base holds, by slot. The arrays are views of the file: pages that are not used are not in memory.

    Attributes:
        halves: float16, shape (n, dimension).
        lengths: float32, shape (n,): the vectors are ``halves`` divided by these.
        ids: int64, shape (n,), ascending; in memory.
        codes: Their codes; in memory.
    """

    halves: HalfArray
    lengths: FloatArray
    ids: npt.NDArray[np.int64]
    codes: Codes


def base_bytes(vectors: int, dimension: int) -> int:
    """Tell about how large a file is: the vectors, their lengths, their ids (twice, where there are lists) and their codes."""
    return _HEAD_BYTES + vectors * (2 * dimension + 4 + 8 + 8 + dimension // 4)


def write_base(
    path: Path, space_id: str, dimension: int, codes: Codes, blocks: Iterable[tuple[npt.NDArray[np.int64], HalfArray, FloatArray]]
) -> None:
    """Write a base aside, and put it into its place when it is on the disk.

    Args:
        path: The file, which is not there.
        space_id: The space.
        dimension: Length of a vector.
        codes: Learned and empty; it has the vectors' codes afterwards.
        blocks: Ids, ascending; float16, shape (n, dimension); float32, shape (n,).

    Raises:
        OSError: the disk does not take it.
    """
    head = {"magic": _MAGIC, "version": _VERSION, "space_id": space_id, "dimension": dimension}
    all_ids: list[npt.NDArray[np.int64]] = []
    all_lengths: list[FloatArray] = []
    code_bytes = 0
    with AsideFile(path) as file:
        digest = hashlib.sha256()

        def put(data: Any) -> None:
            digest.update(data)
            file.write(data)

        def put_codes(data: bytes) -> None:
            nonlocal code_bytes
            code_bytes += len(data)
            put(data)

        put(json.dumps(head).encode().ljust(_HEAD_BYTES - 1) + b"\n")
        for ids, halves, lengths in blocks:
            if not len(ids):
                continue
            put(np.ascontiguousarray(halves, dtype="<f2").data.cast("B"))
            codes.add(halves.astype(np.float32) / lengths[:, np.newaxis])
            all_ids.append(ids)
            all_lengths.append(lengths)
        vectors = len(codes)
        for parts, kind in ((all_lengths, "<f4"), (all_ids, "<i8")):
            for part in parts:
                put(np.ascontiguousarray(part, dtype=kind).data.cast("B"))
        codes.write(put_codes)
        put(np.array([(vectors, code_bytes)], dtype=_TAIL).tobytes())
        file.write(digest.digest())


def read_base(path: Path, space_id: str, dimension: int) -> BaseFile:
    """Read a base, from one end to the other, which also brings it into the page cache.

    Raises:
        BadBase: the file is not there, cannot be read, is torn or changed, or is another version's or another space's.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()

            def take(size: int) -> bytes:
                data = file.read(size)
                digest.update(data)
                if len(data) != size:
                    raise BadBase("it is torn")
                return data

            def pass_over(size: int) -> None:
                while size > 0:
                    size -= len(take(min(size, _READ_BYTES)))

            _check_head(take(_HEAD_BYTES), space_id, dimension)
            size = os.fstat(file.fileno()).st_size
            vectors, code_bytes = _tail(file, size)
            if not vectors:
                raise BadBase("it is empty")
            file.seek(_HEAD_BYTES)
            in_halves, in_lengths = 2 * dimension * vectors, 4 * vectors
            if _HEAD_BYTES + in_halves + in_lengths + 8 * vectors + code_bytes + _TAIL.itemsize + _DIGEST_BYTES != size:
                raise BadBase("it is torn")
            pass_over(in_halves + in_lengths)
            ids = np.frombuffer(take(8 * vectors), dtype="<i8").astype(np.int64, copy=False)
            codes = _codes(take, code_bytes, dimension)
            take(_TAIL.itemsize)
            if file.read(_DIGEST_BYTES) != digest.digest() or len(codes) != vectors:
                raise BadBase("its checksum differs")
            halves = np.memmap(file, dtype="<f2", mode="r", offset=_HEAD_BYTES, shape=(vectors, dimension))
            lengths = np.memmap(file, dtype="<f4", mode="r", offset=_HEAD_BYTES + in_halves, shape=(vectors,))
    except FileNotFoundError:
        raise BadBase("there is none") from None
    except OSError as error:  # some network and shared folders cannot map files
        raise BadBase(f"it cannot be read: {error.strerror}") from error
    return BaseFile(halves.view(np.ndarray), lengths.view(np.ndarray), ids, codes)


def _check_head(line: bytes, space_id: str, dimension: int) -> None:
    try:
        said = json.loads(line)
        if (said["magic"], said["version"]) != (_MAGIC, _VERSION):
            raise BadBase("it is another version's")
        if (said["space_id"], said["dimension"]) != (space_id, dimension):
            raise BadBase("it is of another space")
    except (ValueError, TypeError, KeyError) as error:
        raise BadBase("it is no base") from error


def _tail(file: Any, size: int) -> tuple[int, int]:
    file.seek(max(0, size - _DIGEST_BYTES - _TAIL.itemsize))
    data = file.read(_TAIL.itemsize)
    if len(data) != _TAIL.itemsize:
        raise BadBase("it is torn")
    tail = np.frombuffer(data, dtype=_TAIL)[0]
    return int(tail["vectors"]), int(tail["code_bytes"])


def _codes(take: Callable[[int], bytes], size: int, dimension: int) -> Codes:
    """Read the codes, and not a byte more than there are."""
    left = size

    def take_of_codes(wanted: int) -> bytes:
        nonlocal left
        wanted = min(wanted, left)
        left -= wanted
        return take(wanted)

    try:
        codes = Codes.read(take_of_codes, dimension)
    except BadCodes as error:
        raise BadBase(str(error)) from error
    if left:
        raise BadBase("it is torn")
    return codes
