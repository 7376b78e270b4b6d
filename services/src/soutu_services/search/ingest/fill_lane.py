"""What the embedding pump keeps in mind of one space that it fills."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from soutu_services.search.ingest.gate import Gate

__all__ = ["FillLane", "SpaceToFill"]

_SET_ASIDE_SECONDS = 600.0
_FIRST_REST_SECONDS = 0.25
_MOST_REST_SECONDS = 30.0
_REST_SHARE = 10.0


@dataclass(frozen=True, slots=True)
class SpaceToFill:
    """A space that is to be filled, in the background if queries are answered from another one."""

    space_id: str
    in_background: bool


class FillLane:
    """Where the pump is in a space's list of photos, which of them are under way, and which are set aside.

    Nothing of it matters to a restart: the catalog says which photos lack an embedding. ``after`` and ``batch`` belong to the
    thread that feeds; everything else is thread safe.

    Args:
        space_id: The space.
        gate: Closes while the space cannot be filled; the other spaces have theirs.

    Attributes:
        after: Position in the catalog's list up to which photos were looked at.
        batch: Photos taken, to be sent together.
        in_background: Whether it has to leave room for the others.
    """

    def __init__(self, space_id: str, gate: Gate) -> None:
        self.space_id = space_id
        self.gate = gate
        self.after = 0
        self.batch: list[str] = []
        self.in_background = False
        self._batches = 0
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._set_aside: dict[str, float] = {}
        self._rest_seconds = 0.0
        self._rests_until = 0.0
        self._is_roused = False

    @property
    def is_open(self) -> bool:
        """Whether it is time to look for work."""
        return self.gate.is_open and time.monotonic() >= self._rests_until

    @property
    def waiting(self) -> int:
        """Photos that are under way."""
        with self._lock:
            return len(self._under_way)

    @property
    def passed_over(self) -> frozenset[str]:
        """Photos that cannot be embedded now though others can."""
        with self._lock:
            return frozenset(self._set_aside)

    def seconds_left(self) -> float:
        """Seconds until it is time to look for work."""
        return max(self.gate.seconds_left(), self._rests_until - time.monotonic(), 0.0)

    def look(self) -> None:
        """Say that work is looked for from now on."""
        self._is_roused = False

    def rest(self, cost_seconds: float) -> None:
        """Look for work again after a while, longer each time that there was none, and where looking is dear.

        What came while it was looked for is looked for at once.
        """
        if self._is_roused:
            return
        self._rest_seconds = min(_MOST_REST_SECONDS, max(_FIRST_REST_SECONDS, 2 * self._rest_seconds, _REST_SHARE * cost_seconds))
        self._rests_until = time.monotonic() + self._rest_seconds

    def rouse(self) -> None:
        """Look for work now: there may be some."""
        self._is_roused = True
        self._rest_seconds = self._rests_until = 0.0

    def take(self, photo_id: str) -> bool:
        """Take a photo into the batch, unless it is under way or set aside."""
        with self._lock:
            if photo_id in self._under_way or self._set_aside.get(photo_id, 0.0) > time.monotonic():
                return False
            self._under_way.add(photo_id)
        self.batch.append(photo_id)
        return True

    @property
    def batches(self) -> int:
        """Batches that are under way."""
        with self._lock:
            return self._batches

    def hand_over(self) -> list[str]:
        """Give the batch away and begin another; it is under way until it is done."""
        batch, self.batch = self.batch, []
        with self._lock:
            self._batches += 1
        return batch

    def done(self, batch: Iterable[str]) -> None:
        """Say that a batch is not under way any more, whatever became of it; there may be more to do."""
        with self._lock:
            self._batches -= 1
            self._under_way.difference_update(batch)
        self.rouse()

    def abandon(self) -> None:
        """Begin at the first photo again, with no batch."""
        self.after = 0
        batch, self.batch = self.batch, []
        with self._lock:
            self._under_way.difference_update(batch)

    def set_aside(self, photo_id: str) -> None:
        """Leave a photo alone for some minutes."""
        with self._lock:
            self._set_aside[photo_id] = time.monotonic() + _SET_ASIDE_SECONDS

    def settle(self, photo_ids: Collection[str]) -> None:
        """Say that photos need not be set aside any more."""
        with self._lock:
            for photo_id in photo_ids if self._set_aside else ():
                self._set_aside.pop(photo_id, None)
