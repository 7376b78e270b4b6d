"""A bounded queue of items with two priorities, from which batches are taken."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from soutu_services.embedding.ticket import Priority, Ticket
from soutu_services.runtime.errors import Overloaded, Unavailable

__all__ = ["BatchQueue", "Item"]

_MOST_AHEAD = 8
"""Interactive batches that may overtake bulk items that wait: whoever searches without a rest does not stop the ingest."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One prepared item of a call."""

    ticket: Ticket
    index: int
    prepared: Any


class BatchQueue:
    """Holds what waits for a tower.

    A call first reserves places for all of its items, or is refused as a whole; then it prepares them one by one, in its own
    thread, and fills its places. So the bound covers prepared and unprepared items alike, and a refusal costs no decoding. Each
    priority has its own places: ingest cannot keep a person out.
    """

    def __init__(
        self,
        capacity: int,
        *,
        on_depth: Callable[[Priority, int], None] = lambda priority, depth: None,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        """Make an empty queue.

        Args:
            capacity: Places of each priority.
            on_depth: Told how many places of a priority are taken, when that changes.
            on_drop: Called for each item that is dropped because nobody waits for it any more.
        """
        self._capacity = capacity
        self._on_depth = on_depth
        self._on_drop = on_drop
        self._reserved = dict.fromkeys(Priority, 0)
        self._waiting: dict[Priority, deque[Item]] = {priority: deque() for priority in Priority}
        self._ahead = 0
        self._closed = False
        self._changed = threading.Condition()

    def reserve(self, ticket: Ticket) -> None:
        """Take a place for each item of a call.

        Raises:
            Overloaded: there are not enough; no place is taken.
            Unavailable: the service stops.
        """
        with self._changed:
            if self._closed:
                raise _stopping()
            if self._depth(ticket.priority) + ticket.items > self._capacity:
                self._sweep(ticket.priority)
            if self._depth(ticket.priority) + ticket.items > self._capacity:
                raise Overloaded(
                    "QUEUE_FULL",
                    zh="向量服务正忙，队列已满。请稍后再试，或减少一次的数量。",
                    en="The embedding service is busy and its queue is full. Try again later, or send less at once.",
                )
            self._reserved[ticket.priority] += ticket.items
            self._on_depth(ticket.priority, self._depth(ticket.priority))

    def give_back(self, ticket: Ticket, items: int) -> None:
        """Give back places that will not be filled."""
        with self._changed:
            self._reserved[ticket.priority] -= items
            self._on_depth(ticket.priority, self._depth(ticket.priority))
            self._changed.notify_all()

    def put(self, item: Item) -> None:
        """Fill a reserved place."""
        with self._changed:
            self._reserved[item.ticket.priority] -= 1
            if self._closed:
                item.ticket.fail(_stopping())
            else:
                self._waiting[item.ticket.priority].append(item)
            self._on_depth(item.ticket.priority, self._depth(item.ticket.priority))
            self._changed.notify_all()

    def take(self, max_items: Callable[[Priority], int], wait_seconds: float) -> tuple[Priority, list[Item]] | None:
        """Wait for work and take a batch of one priority.

        Interactive items are taken as they are, at once, but that a bulk batch has its turn after eight that overtook it. A bulk
        batch that is not full waits a little, but only while items of its priority are known to be in preparation, and only
        until an interactive item comes. Items that nobody waits for any more are dropped.

        Args:
            max_items: Largest batch of a priority.
            wait_seconds: Longest wait for a bulk batch to fill.

        Returns:
            The priority and one or more items; None once the queue is closed.
        """
        with self._changed:
            give_up_at: float | None = None
            while True:
                self._changed.wait_for(lambda: self._closed or any(self._waiting.values()))
                if self._closed:
                    return None
                priority = self._next()
                most = max_items(priority)
                if (
                    not self._waiting[Priority.INTERACTIVE]
                    and len(self._waiting[priority]) < most
                    and self._reserved[priority] > 0
                ):
                    now = time.monotonic()
                    give_up_at = now + wait_seconds if give_up_at is None else give_up_at
                    if now < give_up_at:
                        self._changed.wait(give_up_at - now)
                        continue
                batch = self._pop(priority, most)
                if batch:
                    self._ahead = self._ahead + 1 if priority is Priority.INTERACTIVE and self._waiting[Priority.BULK] else 0
                    return priority, batch
                give_up_at = None

    def close(self) -> None:
        """Take no more, and fail the calls that wait."""
        with self._changed:
            self._closed = True
            for priority, waiting in self._waiting.items():
                for item in waiting:
                    item.ticket.fail(_stopping())
                waiting.clear()
                self._on_depth(priority, self._depth(priority))
            self._changed.notify_all()

    def _next(self) -> Priority:
        if self._waiting[Priority.BULK] and self._ahead >= _MOST_AHEAD:
            return Priority.BULK
        return Priority.INTERACTIVE if self._waiting[Priority.INTERACTIVE] else Priority.BULK

    def _pop(self, priority: Priority, most: int) -> list[Item]:
        batch: list[Item] = []
        waiting = self._waiting[priority]
        while waiting and len(batch) < most:
            item = waiting.popleft()
            if item.ticket.is_over:
                self._on_drop()
            else:
                batch.append(item)
        self._on_depth(priority, self._depth(priority))
        return batch

    def _sweep(self, priority: Priority) -> None:
        """Drop what nobody waits for any more."""
        waiting = self._waiting[priority]
        kept = [item for item in waiting if not item.ticket.is_over]
        for _ in range(len(waiting) - len(kept)):
            self._on_drop()
        self._waiting[priority] = deque(kept)

    def _depth(self, priority: Priority) -> int:
        return self._reserved[priority] + len(self._waiting[priority])


def _stopping() -> Unavailable:
    return Unavailable("STOPPING", zh="向量服务正在停止。请稍后再试。", en="The embedding service is stopping. Try again later.")
