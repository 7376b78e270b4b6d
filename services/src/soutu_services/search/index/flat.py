"""Exact search over all vectors in memory."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from soutu_services.search.index.slot_table import SlotTable
from soutu_services.search.index.vector_index import IdArray, best_first
from soutu_services.search.model import FloatArray
from soutu_services.search.shared_lock import SharedLock

__all__ = ["FlatIndex"]

_FIRST_CAPACITY = 1024
_GATHER_SHARE = 32
"""Below one in this many vectors, gathering those that are allowed is cheaper than passing over the others."""


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
        self._table = SlotTable()
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
            slots = self._table.of(ids)
            there = slots >= 0
            self._stored()[slots[there]] = vectors[there]
            new_ids, first = ids[~there], len(self)
            self._index.add(vectors[~there])
            if len(self) > len(self._ids):
                self._ids = np.concatenate([self._ids[:first], np.empty(max(len(self), 2 * first) - first, dtype=np.int64)])
            self._ids[first : len(self)] = new_ids
            self._table.put(new_ids, np.arange(first, len(self)))

    def remove(self, ids: IdArray) -> int:
        """Remove vectors; ids that are not there are passed over. Returns how many were removed."""
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        with self._lock.alone():
            slots = self._table.of(ids)
            ids, slots = ids[slots >= 0], slots[slots >= 0]
            if not len(ids):
                return 0
            left = len(self) - len(ids)
            self._table.drop(ids)
            movers = np.setdiff1d(np.arange(left, len(self)), slots, assume_unique=True)
            holes = slots[slots < left]
            stored = self._stored()
            stored[holes] = stored[movers]
            self._ids[holes] = self._ids[movers]
            self._table.put(self._ids[holes], holes)
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
        return best_first(ids, cosines, count)

    def vectors(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read vectors back: those of the ids that are there, and float32 of shape (m, dimension)."""
        ids = np.asarray(ids, dtype=np.int64)
        with self._lock.shared():
            slots = self._table.of(ids)
            return ids[slots >= 0], self._stored()[slots[slots >= 0]]

    def ids(self) -> IdArray:
        """List the ids that are there, in order."""
        with self._lock.shared():
            return np.sort(self._ids[: len(self)])

    def _allowed_slots(self, ids: IdArray) -> npt.NDArray[np.int64]:
        """List the slots of the ids that are there, each once, in order."""
        is_allowed = np.zeros(len(self), dtype=bool)
        slots = self._table.of(ids)
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

    def _stored(self) -> FloatArray:
        """View faiss's own memory, shape (len, dimension); not to be kept."""
        total = len(self)
        if not total:
            return np.empty((0, self._dimension), dtype=np.float32)
        view: FloatArray = faiss.rev_swig_ptr(self._index.get_xb(), total * self._dimension).reshape(total, self._dimension)
        return view
