"""Photos that belong together, so that no split tears them apart: near-duplicates, and bursts."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["PhotoGroups", "split_by_name"]

Places = npt.NDArray[np.uint32]

_ID_BYTES = 16
_NO_TIME = np.iinfo(np.int64).min


class PhotoGroups:
    """Gathers photos, some 60 bytes each, joins those that belong together, and gives every group a split.

    A group is named by the smallest of its ids, and the name's digest decides its split: so photos keep their split when the
    library grows, unless a new photo joins two groups.
    """

    def __init__(self) -> None:
        self._ids = bytearray()
        self._times = array("q")
        self._order: Places = np.empty(0, np.uint32)
        self._parents: Places = np.empty(0, np.uint32)

    def add(self, photo_ids: Sequence[str], seconds: Sequence[int | None]) -> None:
        """Add photos, and when they were taken in whole seconds, where that is known."""
        for photo_id in photo_ids:
            self._ids += bytes.fromhex(photo_id)
        self._times.extend(_NO_TIME if one is None else one for one in seconds)

    def __len__(self) -> int:
        return len(self._ids) // _ID_BYTES

    def photo_id(self, place: int) -> str:
        """Return the id of the photo that was added at a place, 0 for the first."""
        return self._ids[place * _ID_BYTES : (place + 1) * _ID_BYTES].hex()

    def join(self, duplicates: Iterable[Sequence[str]], *, burst_seconds: int) -> None:
        """Join near-duplicates, and photos that were taken within so many seconds of one another.

        Args:
            duplicates: Groups of ids; what was not added counts nothing.
            burst_seconds: Longest pause inside a burst; 0 joins none.
        """
        ids = self._id_array()
        self._parents = np.arange(len(ids), dtype=np.uint32)
        self._order = np.argsort(ids, kind="stable").astype(np.uint32)
        for group in duplicates:
            wanted = np.frombuffer(bytes.fromhex("".join(group)), dtype=f"S{_ID_BYTES}")
            at = np.searchsorted(ids, wanted, sorter=self._order)
            found = self._order[np.minimum(at, len(ids) - 1)]
            places = found[ids[found] == wanted].tolist()
            for place in places[1:]:
                self._unite(places[0], place)
        if burst_seconds > 0:
            times = np.frombuffer(self._times, np.int64)
            by_time = np.argsort(times, kind="stable").astype(np.uint32)
            by_time = by_time[times[by_time] != _NO_TIME]
            for before in np.flatnonzero(np.diff(times[by_time]) <= burst_seconds):
                self._unite(int(by_time[before]), int(by_time[before + 1]))

    def splits(self, shares: Sequence[float]) -> npt.NDArray[np.uint8]:
        """Return the split of each photo: its place among ``shares``, which add up to 1."""
        parents = self._parents
        while not np.array_equal(above := parents[parents], parents):
            parents = above
        ranks = np.empty_like(self._order)
        ranks[self._order] = np.arange(len(ranks), dtype=np.uint32)
        smallest = np.full_like(ranks, len(ranks))
        np.minimum.at(smallest, parents, ranks)
        names = smallest[parents]
        of_name = np.empty(len(names), np.uint8)
        for name in np.unique(names):
            of_name[name] = split_by_name(self.photo_id(int(self._order[name])), shares)
        return of_name[names]

    def _id_array(self) -> npt.NDArray[np.bytes_]:
        return np.frombuffer(self._ids, dtype=f"S{_ID_BYTES}")

    def _root(self, place: int) -> int:
        while self._parents[place] != place:
            self._parents[place] = self._parents[self._parents[place]]
            place = int(self._parents[place])
        return place

    def _unite(self, one: int, other: int) -> None:
        self._parents[self._root(one)] = self._root(other)


def split_by_name(name: str, shares: Sequence[float]) -> int:
    """Return the place of the share that a name falls into, by its digest."""
    at = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    for place, share in enumerate(shares[:-1]):
        if at < share:
            return place
        at -= share
    return len(shares) - 1
