"""Where the vector of an id lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SlotArray", "SlotTable"]

SlotArray = npt.NDArray[np.int64]

_FIRST_CAPACITY = 1024


class SlotTable:
    """Maps ids, which are row numbers and so nearly without gaps, to slots: 4 bytes for each id that was ever given."""

    def __init__(self) -> None:
        self._slots: npt.NDArray[np.int32] = np.full(_FIRST_CAPACITY, -1, dtype=np.int32)

    def of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Map ids to slots; -1 where there is none."""
        slots = np.full(len(ids), -1, dtype=np.int32)
        known = (ids >= 0) & (ids < len(self._slots))
        slots[known] = self._slots[ids[known]]
        return slots

    def put(self, ids: npt.NDArray[np.int64], slots: npt.NDArray[np.int64] | npt.NDArray[np.int32]) -> None:
        """Say where vectors lie from now on."""
        if len(ids) and (highest := int(ids.max())) >= len(self._slots):
            grown = np.full(max(highest + 1, 2 * len(self._slots)), -1, dtype=np.int32)
            grown[: len(self._slots)] = self._slots
            self._slots = grown
        self._slots[ids] = slots

    def drop(self, ids: npt.NDArray[np.int64]) -> None:
        """Forget ids that are there."""
        self._slots[ids] = -1
