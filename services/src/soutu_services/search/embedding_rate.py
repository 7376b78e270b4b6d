"""How fast photos were embedded of late."""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["EmbeddingRate"]

_BATCHES = 64
_PAUSE_SECONDS = 2.0


class EmbeddingRate:
    """Measures photos a second over the last batches, several of which may be under way at once. Thread safe.

    A batch counts for the time since the one before it ended, which is how long it took as far as the whole is concerned; time
    in which nothing was asked for (nothing waited, or the service was away) is left out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended_at = 0.0
        self._batches: deque[tuple[int, float]] = deque(maxlen=_BATCHES)

    def add(self, photos: int, *, began: float, ended: float) -> None:
        """Take a batch into account: photos that were embedded, and when, on the monotonic clock."""
        with self._lock:
            seconds = min(max(0.0, ended - self._ended_at), ended - began + _PAUSE_SECONDS if self._batches else ended - began)
            self._ended_at = max(self._ended_at, ended)
            self._batches.append((photos, seconds))

    def seconds_for(self, photos: int) -> float | None:
        """Estimate how long so many photos take; None if there are none, or nothing was measured yet."""
        with self._lock:
            done = sum(count for count, _ in self._batches)
            seconds = sum(seconds for _, seconds in self._batches)
        return photos * seconds / done if photos and done and seconds else None
