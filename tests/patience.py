"""How long tests wait for what must come true: long enough for a machine that stands still for a minute meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 120.0  # seconds


def eventually(probe: Callable[[], Found]) -> Found:
    """Return what the probe finds once it is true."""
    give_up_at = time.monotonic() + PATIENCE
    while not (found := probe()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"it did not come true in {PATIENCE:g} seconds")
        time.sleep(0.01)
    return found
