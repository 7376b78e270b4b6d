"""A gate that closes for a while after a failure, longer with each one in a row."""

from __future__ import annotations

import random
import threading
import time

from soutu_services.runtime.language import Text

__all__ = ["Gate"]

_NOTHING = Text(zh="", en="")


class Gate:
    """Backs off from something that does not answer. Exponential with full jitter on the upper half of the wait; thread-safe."""

    def __init__(self, *, first_seconds: float, most_seconds: float) -> None:
        self._first = first_seconds
        self._most = most_seconds
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0
        self._problem = _NOTHING

    @property
    def is_open(self) -> bool:
        """Whether it is time to try."""
        with self._lock:
            return time.monotonic() >= self._closed_until

    @property
    def has_failed(self) -> bool:
        """Whether the last try failed."""
        with self._lock:
            return self._failures > 0

    @property
    def problem(self) -> Text:
        """Why the last try failed; empty if it did not."""
        with self._lock:
            return self._problem

    def seconds_left(self) -> float:
        """Seconds until the next try; 0 if open."""
        with self._lock:
            return max(0.0, self._closed_until - time.monotonic())

    def succeeded(self) -> None:
        """Say that it answered: open at once."""
        with self._lock:
            self._failures = 0
            self._closed_until = 0.0
            self._problem = _NOTHING

    def failed(self, problem: Text) -> bool:
        """Say that it did not answer; failures reported while closed count once.

        Returns:
            Whether this is news: the first failure after a success, or another problem than before.
        """
        with self._lock:
            now = time.monotonic()
            is_news = problem != self._problem
            self._problem = problem
            if now >= self._closed_until:
                wait = min(self._most, self._first * 2.0 ** min(self._failures, 16))
                self._failures += 1
                self._closed_until = now + wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, keeps no secret
            return is_news
