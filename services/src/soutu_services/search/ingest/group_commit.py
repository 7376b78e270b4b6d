"""One transaction for all that waits for one: a flush to the disk holds many rows as easily as one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["GroupCommit"]

ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")


class GroupCommit(Generic[ItemT, OutcomeT]):
    """Gathers items from many threads and commits them together on one.

    While one group is being flushed, the next gathers; there is no wait besides. If a group fails, each of its items is tried
    alone, so that one bad item fails alone.

    Args:
        commit: Commits items in one transaction and returns one outcome for each, in order.
        most_items: Items of one group, and items that may wait for theirs.
        name: Name of the thread.
    """

    def __init__(self, commit: Callable[[Sequence[ItemT]], Sequence[OutcomeT]], *, most_items: int, name: str) -> None:
        self._commit = commit
        self._most_items = most_items
        self._queue: queue.Queue[tuple[ItemT, Future[OutcomeT]] | None] = queue.Queue(most_items)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: ItemT) -> Future[OutcomeT]:
        """Hand in an item; wait while too many wait. The future has the outcome once it is on the disk, or the commit's error."""
        future: Future[OutcomeT] = Future()
        self._queue.put((item, future))
        return future

    def close(self) -> None:
        """Commit what waits and end the thread. Nothing may be submitted any more."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            group: list[tuple[ItemT, Future[OutcomeT]]] = []
            entry = self._queue.get()
            while entry is not None:
                group.append(entry)
                if len(group) >= self._most_items:
                    break
                try:
                    entry = self._queue.get_nowait()
                except queue.Empty:
                    break
            is_closing = entry is None
            if group:
                self._commit_group(group)

    def _commit_group(self, group: list[tuple[ItemT, Future[OutcomeT]]]) -> None:
        try:
            outcomes = self._commit([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait for it
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for entry in group:
                self._commit_group([entry])
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            future.set_result(outcome)
