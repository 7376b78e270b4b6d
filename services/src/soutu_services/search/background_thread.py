"""A thread that works in the background until its owner stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["BackgroundThread"]


class BackgroundThread:
    """Runs a function that looks again and again at ``wait`` or ``is_stopping``, and ends when it is told to.

    It keeps no process from ending.

    Args:
        run: What it does.
        name: Its name, for whoever looks at the threads.
    """

    def __init__(self, run: Callable[[], None], *, name: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; at most once."""
        self._thread.start()

    def stop(self, seconds: float | None = None) -> None:
        """Tell it to end, and wait so long for it (None: as long as it takes) if it was started."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def is_stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Rest so long, or until it is told to end; return whether it was."""
        return self._stop.wait(seconds)
