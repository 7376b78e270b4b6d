"""Waiting out a service that restarts or has its hands full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from soutu_client._errors import BusyError, CallTimeoutError, UnavailableError

__all__ = ["Patience"]

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 3.0


class Patience:
    """Repeats an action that may be repeated while the service is away or busy, for a limited time.

    Safe to use from several threads.
    """

    def __init__(self, *, seconds: float, on_waiting: Callable[[str], None]) -> None:
        """Set how long one action may be tried, and who is told why nothing moves ("": it moves again)."""
        self._seconds = seconds
        self._on_waiting = on_waiting
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody waits any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Wait no more: an action that fails from now on fails at once."""
        self._stopped.set()

    def call(self, action: Callable[[], T]) -> T:
        """Return what the action returns.

        Raises:
            SoutuError: The action's last error, when time is up, waiting is stopped, or the error will not pass by itself.
        """
        give_up = time.monotonic() + self._seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                result = action()
            except (UnavailableError, BusyError, CallTimeoutError) as error:
                if time.monotonic() + pause > give_up:
                    raise
                self._on_waiting(error.message)
                if self._stopped.wait(pause):
                    raise
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self._on_waiting("")
                return result
