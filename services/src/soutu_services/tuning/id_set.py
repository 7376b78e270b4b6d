"""Ids that have been seen, in 8 bytes each: a data set may have millions."""

from __future__ import annotations

import numpy as np

from soutu_services.tuning.retrieval import IntArray

__all__ = ["IdSet"]

_FRESH = 1 << 16


class IdSet:
    """A set of integers of 64 bits that grows."""

    def __init__(self) -> None:
        self._sorted: IntArray = np.empty(0, np.int64)
        self._fresh: set[int] = set()

    def __contains__(self, one: int) -> bool:
        if one in self._fresh:
            return True
        place = int(np.searchsorted(self._sorted, one))
        return place < len(self._sorted) and int(self._sorted[place]) == one

    def add(self, one: int) -> None:
        """Add an id."""
        self._fresh.add(one)
        if len(self._fresh) >= _FRESH:
            self._sorted = np.union1d(self._sorted, np.fromiter(self._fresh, np.int64))
            self._fresh.clear()
