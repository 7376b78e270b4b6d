"""The base: the bulk of an index, which does not change but for what is taken out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from soutu_services.search.index.base_file import BaseFile, HalfArray, read_base
from soutu_services.search.index.policy import IndexPolicy, Method
from soutu_services.search.index.slot_table import SlotArray, SlotTable
from soutu_services.search.index.vector_index import IdArray
from soutu_services.search.model import FloatArray

__all__ = ["Base"]

_BLOCK = 512
"""Vectors that are compared at a time: they stay in the processor's cache."""
_TO_SINGLE = np.float32(2.0**112)
_SIGN_AND_VALUE = np.int32(-0x70000001)


class Base:
    """Vectors that are scanned by their codes, and compared exactly where they are near. Changes need to be alone.

    Args:
        path: Its file.
        file: What that holds.
        policy: How it is searched.
    """

    def __init__(self, path: Path, file: BaseFile, policy: IndexPolicy) -> None:
        self.path = path
        self._file = file
        self._policy = policy
        self._table = SlotTable()
        self._table.put(file.ids, np.arange(len(file.ids)))
        self._alive = np.ones(len(file.ids), dtype=bool)
        self._gone = 0

    @classmethod
    def open(cls, path: Path, space_id: str, dimension: int, policy: IndexPolicy) -> Base:
        """Open a file.

        Raises:
            BadBase: it is not whole, or not the one that is wanted.
        """
        return cls(path, read_base(path, space_id, dimension), policy)

    def __len__(self) -> int:
        return len(self._alive) - self._gone

    @property
    def method(self) -> Method:
        """How it is searched."""
        return Method.LISTS if self._file.codes.lists else Method.FAST_SCAN

    @property
    def size(self) -> int:
        """Vectors in it, those that are taken out included."""
        return len(self._alive)

    @property
    def gone(self) -> int:
        """Vectors that are taken out."""
        return self._gone

    def ids(self) -> IdArray:
        """List the ids that are in it, in order."""
        return self._file.ids[self._alive]

    def take_out(self, ids: IdArray) -> int:
        """Take vectors out; ids that are not there are passed over. Returns how many were there."""
        slots = self._slots(ids)
        self._alive[slots] = False
        self._gone += len(slots)
        return len(slots)

    def search(self, query: FloatArray, k: int, allowed: IdArray | None) -> tuple[IdArray, FloatArray]:
        """Find the nearest; see ``VectorIndex``. They come in no order."""
        if allowed is None:
            is_allowed, count = self._alive, len(self)
        else:
            is_allowed = np.zeros(self.size, dtype=bool)
            is_allowed[self._slots(allowed)] = True
            count = int(np.count_nonzero(is_allowed))
        k = min(k, count)
        if k <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        slots = self._candidates(query, k, is_allowed, count)
        cosines = self._cosines(query, slots)
        if len(slots) > k:
            best = np.argpartition(-cosines, k - 1)[:k]
            slots, cosines = slots[best], cosines[best]
        return self._file.ids[slots], cosines

    def vectors(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read vectors: those of the ids that are there, and float32 of shape (m, dimension), as the catalog reads them."""
        slots = self._table.of(ids)
        there = slots >= 0
        there[there] = self._alive[slots[there]]
        slots = slots[there]
        return ids[there], self._file.halves[slots].astype(np.float32) / self._file.lengths[slots, np.newaxis]

    def halves(self, ids: IdArray) -> tuple[HalfArray, FloatArray]:
        """Read, as they are stored, vectors of ids that were there, and their lengths."""
        slots = self._table.of(ids)
        return self._file.halves[slots], self._file.lengths[slots]

    def _slots(self, ids: IdArray) -> npt.NDArray[np.int32]:
        """List the slots of the ids that are there."""
        slots = self._table.of(ids)
        slots = slots[slots >= 0]
        return slots[self._alive[slots]]

    def _candidates(self, query: FloatArray, k: int, is_allowed: npt.NDArray[np.bool_], count: int) -> SlotArray:
        """List slots, all of them allowed and ``k`` at least, among which the nearest are."""
        codes = self._file.codes
        plan = self._policy.plan(self.size, count, k, len(query))
        depth, probes = plan.depth, self._policy.probes(codes.lists)
        while depth:
            slots = codes.nearest(query, depth, probes)
            if count < self.size:
                slots = slots[is_allowed[slots]]
            if len(slots) >= plan.enough:
                return np.sort(slots[: plan.enough])  # in the file's order
            if probes < codes.lists:
                probes = codes.lists
            else:
                depth = self._policy.deeper(depth, self.size)
        return np.flatnonzero(is_allowed)

    def _cosines(self, query: FloatArray, slots: SlotArray) -> FloatArray:
        """Compare exactly.

        float16 becomes float32 by moving its bits and multiplying by two to the 112, the difference of the exponents' offsets:
        exact, and three times as fast as numpy's own conversion, which is done value by value. The factor is put on the query.
        """
        cosines = np.empty(len(slots), dtype=np.float32)
        scaled = query * _TO_SINGLE
        for start in range(0, len(slots), _BLOCK):
            bits = self._file.halves[slots[start : start + _BLOCK]].view(np.int16).astype(np.int32)
            bits <<= 13
            bits &= _SIGN_AND_VALUE
            np.matmul(bits.view(np.float32), scaled, out=cosines[start : start + _BLOCK])
        return cosines / self._file.lengths[slots]
