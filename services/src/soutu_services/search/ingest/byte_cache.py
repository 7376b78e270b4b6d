"""A small memory for bytes that are about to be needed."""

from __future__ import annotations

import threading
from collections import OrderedDict

__all__ = ["ByteCache"]


class ByteCache:
    """Keeps the newest bytes by key up to a total; what does not fit is forgotten, oldest first. Thread-safe.

    It only saves a read: whoever uses it can get the bytes elsewhere.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = 0
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes, unless they alone are more than half of what fits."""
        if 2 * len(data) > self._max_bytes:
            return
        with self._lock:
            self._held += len(data) - len(self._items.pop(key, b""))
            self._items[key] = data
            while self._held > self._max_bytes:
                _, forgotten = self._items.popitem(last=False)
                self._held -= len(forgotten)

    def take(self, key: str) -> bytes | None:
        """Return the bytes and forget them; None if they are not there."""
        with self._lock:
            data = self._items.pop(key, None)
            if data is not None:
                self._held -= len(data)
            return data

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)
