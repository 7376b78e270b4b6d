"""Objects that cannot be read although their source answers: each waits for its next try by itself, in nobody's way."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["SetAside"]

_TRIES_TO_PASS_OVER = 3
_LONGER = 20
"""The longest wait of an object, in longest waits of its source: it is one of many, and seldom mends itself."""


@dataclass(slots=True)
class _Waiting:
    source: str
    until: float = 0.0
    tries: int = 0
    faults: int = 0


class SetAside:
    """Remembers, by object id, what is tried again later. Nothing outlives the process: a restart tries all anew. Thread safe.

    Args:
        first_seconds: First wait; doubles with each failure.
        most_seconds: Longest wait of a source; an object waits up to some times as long.
    """

    def __init__(self, *, first_seconds: float, most_seconds: float) -> None:
        self._first = first_seconds
        self._most = _LONGER * most_seconds
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._unmet: set[int] = set()

    def is_waiting(self, object_id: int) -> bool:
        """Whether it is not yet time to try an object again. An object that is asked for is known to await reading still."""
        with self._lock:
            self._unmet.discard(object_id)
            waiting = self._waiting.get(object_id)
            return waiting is not None and time.monotonic() < waiting.until

    def failed(self, object_id: int, source: str, *, is_fault: bool = False) -> int:
        """Say that an object could not be read; return how often that was through a fault of the reading itself so far."""
        with self._lock:
            waiting = self._waiting.setdefault(object_id, _Waiting(source))
            wait = min(self._most, self._first * 2.0 ** min(waiting.tries, 16))
            waiting.until = time.monotonic() + wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, keeps no secret
            waiting.tries += 1
            waiting.faults += is_fault
            self._unmet.discard(object_id)
            return waiting.faults

    def forget(self, object_id: int) -> None:
        """Say that an object was read, or needs not be any more."""
        if self._waiting:
            with self._lock:
                self._waiting.pop(object_id, None)

    def retry(self, source: str) -> None:
        """Make all of a source's objects due now."""
        with self._lock:
            for waiting in self._waiting.values():
                if waiting.source == source:
                    waiting.until = 0.0

    def begin_pass(self) -> None:
        """Say that everything that awaits reading will be asked for from here on."""
        with self._lock:
            self._unmet = set(self._waiting)

    def end_pass(self, sources: Collection[str]) -> None:
        """Forget what, of these sources, was not asked for since the pass began: it does not await reading any more."""
        with self._lock:
            for object_id in self._unmet:
                if object_id in self._waiting and self._waiting[object_id].source in sources:
                    del self._waiting[object_id]
            self._unmet = set()

    @property
    def passed_over(self) -> dict[int, str]:
        """Objects, with their sources, that failed so often that nobody should wait for them."""
        with self._lock:
            return {key: waiting.source for key, waiting in self._waiting.items() if waiting.tries >= _TRIES_TO_PASS_OVER}

    def seconds_left(self, sources: Collection[str]) -> float:
        """Seconds until an object of these sources is due; infinite if none waits."""
        with self._lock:
            until = min((waiting.until for waiting in self._waiting.values() if waiting.source in sources), default=math.inf)
        return max(0.0, until - time.monotonic())
