"""Asking stores whether they answer."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from patience import PATIENCE
from soutu_services.search.objects import BucketMissing, StoreUnavailable
from soutu_services.search.store_questions import StoreQuestions


class Store:
    """Answers once it may, with what it is told to raise."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked = 0
        self.error: Exception | None = None

    def check(self) -> None:
        self.asked += 1
        assert self.may_answer.wait(PATIENCE)
        if self.error is not None:
            raise self.error


@pytest.fixture
def stores() -> Any:
    return {name: Store() for name in ("photos", "nas")}


@pytest.fixture
def questions(stores: Any) -> Any:
    yield StoreQuestions({name: SimpleNamespace(name=name, store=store) for name, store in stores.items()})  # type: ignore[misc]
    for store in stores.values():
        store.may_answer.set()


def test_each_store_that_fails_or_is_silent_is_named_with_its_problem(questions: StoreQuestions, stores: Any) -> None:
    stores["photos"].may_answer.set()
    assert questions.problems(seconds=0.2) == {"nas": StoreUnavailable().text}
    stores["nas"].error = BucketMissing()
    stores["nas"].may_answer.set()
    assert questions.problems(seconds=PATIENCE) == {"nas": BucketMissing().text}


def test_a_silent_store_is_asked_once_however_many_want_to_know(questions: StoreQuestions, stores: Any) -> None:
    stores["photos"].may_answer.set()
    asking = [threading.Thread(target=questions.problems, kwargs={"seconds": 0.05}) for _ in range(20)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(PATIENCE)
    assert stores["nas"].asked == 1
    assert [thread.name for thread in threading.enumerate()].count("ask-nas") == 1
    stores["nas"].may_answer.set()
    assert questions.problems(seconds=PATIENCE) == {}
    assert questions.problems(seconds=PATIENCE) == {}
    assert stores["nas"].asked >= 2, "a question that was answered is asked anew"
