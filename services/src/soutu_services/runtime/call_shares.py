"""How many calls one client may have under way, so that none takes the workers from all others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from soutu_services.runtime.access import Access
from soutu_services.runtime.errors import Overloaded

__all__ = ["CallShares", "client_of"]


def client_of(access: Access, context: grpc.ServicerContext) -> str:
    """Tell clients apart: by their token, and where none is needed by their machine."""
    return access.token_id or str(context.peer()).rpartition(":")[0]


class CallShares:
    """Counts the calls of each client, also those whose request has not arrived yet: a slow client has many.

    Args:
        most: Calls of one client at the same time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def share(self, client: str) -> Iterator[None]:
        """Count a call while it runs.

        Raises:
            Overloaded: the client has as many as it may.
        """
        with self._lock:
            if self._running[client] >= self._most:
                raise Overloaded(
                    "TOO_MANY_CALLS",
                    zh=f"同一个客户端同时最多 {self._most} 个请求，请等前面的完成后再试",
                    en=f"one client may have {self._most} calls under way; wait for some of them to end",
                )
            self._running[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[client] -= 1
                if not self._running[client]:
                    del self._running[client]
