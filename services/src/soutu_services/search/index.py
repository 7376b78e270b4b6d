"""The index: vectors searched by cosine, and perceptual hashes by Hamming distance. The only module that imports faiss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from soutu_services.search.model import FloatArray
from soutu_services.search.shared_lock import SharedLock

__all__ = ["FlatIndex", "IdArray", "VectorIndex", "near_hashes"]

IdArray = npt.NDArray[np.int64]

_FIRST_CAPACITY = 1024
_GATHER_SHARE = 32
"""Below one in this many vectors, gathering those that are allowed is cheaper than passing over the others."""


class VectorIndex(Protocol):
    """Vectors of one space under the ids that the catalog gave them. Thread safe; what was added or removed is seen at once."""

    @property
    def kind(self) -> str:
        """How it searches, for people, for instance ``flat``."""
        ...

    @property
    def space_id(self) -> str:
        """The space whose vectors it holds."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Add vectors, replacing those that are there under the same ids.

        Args:
            ids: int64, shape (n,), not negative, each once.
            vectors: float32, shape (n, dimension), rows L2-normalised.
        """
        ...

    def remove(self, ids: IdArray) -> int:
        """Remove vectors; ids that are not there are passed over. Returns how many were removed."""
        ...

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Find the nearest vectors.

        Args:
            vector: float32, shape (dimension,), L2-normalised.
            k: How many at most; never fewer are found than there are.
            allowed: Only these ids, in any order; None: all.

        Returns:
            Ids and their cosines, best first; equal cosines by id.
        """
        ...

    def vectors(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read vectors back: those of the ids that are there, and float32 of shape (m, dimension)."""
        ...

    def ids(self) -> IdArray:
        """List the ids that are there, in order."""
        ...


class FlatIndex:
    """Exact search over all vectors in memory, by faiss's ``IndexFlatIP``.

    Vectors lie in slots without gaps; a removed one gives its slot to the last. faiss runs on one thread for each query: more
    make a single query slower as soon as anything else runs. Searches run at the same time as each other, changes alone.
    """

    def __init__(self, space_id: str, dimension: int) -> None:
        self._space_id = space_id
        self._dimension = dimension
        self._index = faiss.IndexFlatIP(dimension)
        self._ids: IdArray = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._slots: npt.NDArray[np.int32] = np.full(_FIRST_CAPACITY, -1, dtype=np.int32)  # by id: ids are row numbers
        self._lock = SharedLock()

    @property
    def kind(self) -> str:
        """How it searches."""
        return "flat"

    @property
    def space_id(self) -> str:
        """The space whose vectors it holds."""
        return self._space_id

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Add vectors, replacing those that are there under the same ids.

        Raises:
            ValueError: shapes differ, an id is negative or repeated, or a vector is not finite.
        """
        ids = np.asarray(ids, dtype=np.int64)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(f"vectors have shape {vectors.shape}, not {(len(ids), self._dimension)}")
        if not len(ids):
            return
        if ids.min() < 0 or len(np.unique(ids)) != len(ids):
            raise ValueError("ids must not be negative or repeated")
        if not np.isfinite(vectors).all():
            raise ValueError("vectors must be finite")
        with self._lock.alone():
            slots = self._slots_of(ids)
            there = slots >= 0
            self._stored()[slots[there]] = vectors[there]
            new_ids, first = ids[~there], len(self)
            self._index.add(vectors[~there])
            self._ids = _grown(self._ids, len(self), fill=0)
            self._ids[first : len(self)] = new_ids
            self._slots = _grown(self._slots, int(ids.max()) + 1, fill=-1)
            self._slots[new_ids] = np.arange(first, len(self), dtype=np.int32)

    def remove(self, ids: IdArray) -> int:
        """Remove vectors; ids that are not there are passed over. Returns how many were removed."""
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        with self._lock.alone():
            slots = self._slots_of(ids)
            ids, slots = ids[slots >= 0], slots[slots >= 0]
            if not len(ids):
                return 0
            left = len(self) - len(ids)
            self._slots[ids] = -1
            movers = np.setdiff1d(np.arange(left, len(self)), slots, assume_unique=True)
            holes = slots[slots < left]
            stored = self._stored()
            stored[holes] = stored[movers]
            self._ids[holes] = self._ids[movers]
            self._slots[self._ids[holes]] = holes
            del stored
            self._index.remove_ids(faiss.IDSelectorRange(left, left + len(ids)))
            return len(ids)

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Find the nearest vectors; see ``VectorIndex``.

        Raises:
            ValueError: the vector has another length than the index's.
        """
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        if query.shape[1] != self._dimension:
            raise ValueError(f"the vector has {query.shape[1]} values, not {self._dimension}")
        with self._lock.shared():
            total = len(self)
            slots = None if allowed is None else self._allowed_slots(np.asarray(allowed, dtype=np.int64))
            count = min(k, total if slots is None else len(slots))
            if count <= 0:
                return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
            if slots is not None and len(slots) * _GATHER_SHARE < total:
                gathered: FloatArray = self._stored()[slots] @ query[0]
                best = np.argpartition(-gathered, count - 1)[:count]
                found, cosines = slots[best], gathered[best]
            else:
                cosines, found = self._scan(query, count, slots)
            ids = self._ids[found]
        order = np.lexsort((ids, -cosines))
        return ids[order], np.clip(cosines[order], -1.0, 1.0)

    def vectors(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read vectors back: those of the ids that are there, and float32 of shape (m, dimension)."""
        ids = np.asarray(ids, dtype=np.int64)
        with self._lock.shared():
            slots = self._slots_of(ids)
            return ids[slots >= 0], self._stored()[slots[slots >= 0]]

    def ids(self) -> IdArray:
        """List the ids that are there, in order."""
        with self._lock.shared():
            return np.sort(self._ids[: len(self)])

    def _allowed_slots(self, ids: IdArray) -> npt.NDArray[np.int64]:
        """List the slots of the ids that are there, each once, in order."""
        is_allowed = np.zeros(len(self), dtype=bool)
        slots = self._slots_of(ids)
        is_allowed[slots[slots >= 0]] = True
        return np.flatnonzero(is_allowed)

    def _scan(
        self, query: FloatArray, count: int, slots: npt.NDArray[np.int64] | None
    ) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        faiss.omp_set_num_threads(1)  # holds for the calling thread alone
        if slots is None or len(slots) == len(self):
            cosines, found = self._index.search(query, count)
        else:
            is_allowed = np.zeros(len(self), dtype=bool)
            is_allowed[slots] = True
            bitmap: Any = faiss.IDSelectorBitmap
            parameters: Any = faiss.SearchParameters
            selector = bitmap(np.packbits(is_allowed, bitorder="little"))
            cosines, found = self._index.search(query, count, params=parameters(sel=selector))
        return cosines[0], found[0]

    def _slots_of(self, ids: IdArray) -> npt.NDArray[np.int32]:
        """Map ids to slots; -1 where there is none."""
        slots = np.full(len(ids), -1, dtype=np.int32)
        known = (ids >= 0) & (ids < len(self._slots))
        slots[known] = self._slots[ids[known]]
        return slots

    def _stored(self) -> FloatArray:
        """View faiss's own memory, shape (len, dimension); not to be kept."""
        total = len(self)
        if not total:
            return np.empty((0, self._dimension), dtype=np.float32)
        view: FloatArray = faiss.rev_swig_ptr(self._index.get_xb(), total * self._dimension).reshape(total, self._dimension)
        return view


def near_hashes(
    hashes: npt.NDArray[np.uint64], max_distance: int, *, rows: int = 1024
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Find all pairs of different 64-bit hashes that differ in few bits, some at a time, exactly.

    Hashes that differ in d bits agree in at least one of d + 1 bands of bits (multi-index hashing: Norouzi, Punjani and Fleet
    2012, arXiv:1307.2982), so only those that share a band are compared, as long as that leaves less to do than comparing all.

    Args:
        hashes: uint64, shape (n,), each once: many equal ones would make as many pairs as their square.
        max_distance: Most bits in which a pair may differ.
        rows: Hashes that are compared with others at a time, which bounds the memory.

    Yields:
        Positions of first and second members, int64, shape (m,), first < second; a pair may come again.
    """
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    faiss.omp_set_num_threads(1)
    for members in _candidates(hashes, max_distance):
        codes = hashes[members].view(np.uint8).reshape(-1, 8)
        index: Any = faiss.IndexBinaryFlat(64)
        index.add(codes)
        for start in range(0, len(codes), rows):
            limits, _, found = index.range_search(codes[start : start + rows], max_distance + 1)  # strictly less
            first = np.repeat(np.arange(start, start + len(limits) - 1), np.diff(limits.astype(np.int64)))
            ahead = found > first
            if ahead.any():
                yield members[first[ahead]], members[found[ahead]]


def _candidates(hashes: npt.NDArray[np.uint64], max_distance: int) -> Iterator[npt.NDArray[np.int64]]:
    """List sets of positions, in order, so that both members of every near pair are in one of them."""
    bands = max_distance + 1
    width = min(
        64 // bands, max(1, len(hashes).bit_length() - 7)
    )  # sets of some hundred: fewer cost more to begin than to compare
    if bands >= 1 << width:
        yield np.arange(len(hashes))
        return
    for band in range(bands):
        bits = (hashes >> np.uint64(band * (64 // bands))) & np.uint64((1 << width) - 1)
        order = np.argsort(bits, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(bits[order])) + 1):
            if len(members) > 1:
                yield members


_Integer = TypeVar("_Integer", np.int64, np.int32)


def _grown(values: npt.NDArray[_Integer], length: int, *, fill: int) -> npt.NDArray[_Integer]:
    """Make room, doubling; what is new holds ``fill``."""
    if length <= len(values):
        return values
    grown = np.full(max(length, 2 * len(values)), fill, dtype=values.dtype)
    grown[: len(values)] = values
    return grown
