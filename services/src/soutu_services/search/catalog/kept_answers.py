"""Answers that hold as long as the catalog does not change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from soutu_services.search.catalog.database import Database

__all__ = ["KeptAnswers"]

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class KeptAnswers(Generic[Question, Answer]):
    """Answers of the questions that were asked last, made again once anything in the catalog has changed. Thread safe.

    Args:
        database: The catalog's file.
        most: How many are kept.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._made: OrderedDict[Question, tuple[int, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Question, make: Callable[[], Answer]) -> Answer:
        """Return the answer that is kept, or make it; not inside of a transaction that reads, which may be older."""
        changes = self._database.changes
        with self._lock:
            made = self._made.get(question)
            if made is not None and made[0] == changes:
                self._made.move_to_end(question)
                return made[1]
        answer = make()
        with self._lock:
            self._made[question] = changes, answer
            self._made.move_to_end(question)
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        return answer
