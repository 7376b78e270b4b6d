"""How far adding has come, counted from several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from soutu_client.add_models import AddProgress

__all__ = ["ProgressCounter"]

_SECONDS_BETWEEN = 0.05


class ProgressCounter:
    """Counts, and tells one listener: one call at a time, not more than about twenty a second."""

    def __init__(self, listener: Callable[[AddProgress], None] | None) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._now = AddProgress()
        self._told_at = 0.0

    def count(self, **more: int) -> None:
        """Add to the fields of ``AddProgress`` that are named."""
        with self._lock:
            self._now = replace(self._now, **{name: getattr(self._now, name) + number for name, number in more.items()})
            if time.monotonic() - self._told_at >= _SECONDS_BETWEEN:
                self._tell()

    def say_waiting(self, waiting: str) -> None:
        """Tell why nothing moves; empty: it moves again."""
        with self._lock:
            if waiting != self._now.waiting:
                self._now = replace(self._now, waiting=waiting)
                self._tell()

    def finish(self) -> AddProgress:
        """Tell the last state, whatever the time since the one before."""
        with self._lock:
            self._now = replace(self._now, waiting="")
            self._tell()
            return self._now

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        if self._listener is not None:
            self._listener(self._now)
