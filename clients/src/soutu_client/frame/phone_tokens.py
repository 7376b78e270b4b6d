"""Addresses that let a phone choose what is shown: each once, and for a few minutes."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable

__all__ = ["LIFE_SECONDS", "PhoneTokens"]

LIFE_SECONDS = 600.0
_MOST = 16


class PhoneTokens:
    """Tokens that were given out. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def make(self) -> str:
        """Return a new token; the oldest of many ends."""
        token = secrets.token_urlsafe(12)
        with self._lock:
            self._ends[token] = self._clock() + LIFE_SECONDS
            while len(self._ends) > _MOST:
                del self._ends[next(iter(self._ends))]
        return token

    def is_valid(self, token: str) -> bool:
        """Whether it may still be used."""
        with self._lock:
            return self._known(token) is not None

    def spend(self, token: str) -> bool:
        """Use a token, which ends it; say whether it was valid."""
        with self._lock:
            known = self._known(token)
            if known is not None:
                del self._ends[known]
            return known is not None

    def _known(self, token: str) -> str | None:
        now = self._clock()
        self._ends = {each: end for each, end in self._ends.items() if end > now}
        given = token.encode("utf-8", "replace")
        found = [each for each in self._ends if hmac.compare_digest(each.encode(), given)]
        return found[0] if found else None
