"""A call's claim on a tower: who waits, for how long, and the outcomes so far."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from soutu_services.embedding.encoder import FloatArray, ItemRefused
from soutu_services.runtime.errors import DeadlinePassed, SoutuError
from soutu_services.runtime.request_ids import current_request_id

__all__ = ["Outcome", "Priority", "Ticket"]

Outcome: TypeAlias = FloatArray | ItemRefused
"""A vector of shape (dimension,), or why there is none."""


class Priority(Enum):
    """Who waits. Interactive work is done before bulk work."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Ticket:
    """One call with some items.

    The call's thread waits on it; the towers' threads settle its items. It is over when nobody waits for it any more, because
    the call was cancelled, its deadline passed or the whole of it failed.

    Attributes:
        request_id: Of the call, for what the towers' threads log of its items.
    """

    def __init__(self, items: int, *, priority: Priority, seconds_left: float = math.inf) -> None:
        self.items = items
        self.priority = priority
        self.request_id = current_request_id()
        self._deadline = time.monotonic() + seconds_left
        self._outcomes: list[Outcome | None] = [None] * items
        self._unsettled = items
        self._abandoned = False
        self._error: SoutuError | None = None
        self._changed = threading.Condition()

    def settle(self, index: int, outcome: Outcome) -> None:
        """Give one item its outcome."""
        with self._changed:
            if self._outcomes[index] is None:
                self._outcomes[index] = outcome
                self._unsettled -= 1
                self._changed.notify_all()

    def fail(self, error: SoutuError) -> None:
        """Fail the whole call; the first error counts."""
        with self._changed:
            if self._error is None:
                self._error = error
                self._changed.notify_all()

    def abandon(self) -> None:
        """Say that the caller has left."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Say whether work for it is in vain."""
        return self._abandoned or self._error is not None or time.monotonic() >= self._deadline

    def wait(self) -> Sequence[Outcome]:
        """Wait until every item is settled.

        Raises:
            DeadlinePassed: the deadline passed, or the caller left, before that.
            SoutuError: the whole call failed.
        """
        with self._changed:
            timeout = self._deadline - time.monotonic()
            self._changed.wait_for(
                lambda: self._unsettled == 0 or self._abandoned or self._error is not None,
                None if math.isinf(timeout) else max(0.0, timeout),
            )
            if self._error is not None:
                raise self._error
            outcomes = [outcome for outcome in self._outcomes if outcome is not None]
            if len(outcomes) == self.items:
                return outcomes
        self.abandon()
        raise DeadlinePassed(
            "DEADLINE_PASSED",
            zh="在期限内没有算完向量。请放宽期限，或减少一次的数量。",
            en="The embeddings were not ready before the deadline. Allow more time, or send less at once.",
        )
