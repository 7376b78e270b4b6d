"""The parts that the ingest is made of."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from patience import PATIENCE
from soutu_services.runtime.language import Text
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.ingest.group_commit import GroupCommit
from soutu_services.search.ingest.set_aside import SetAside

AWAY = Text(zh="没有回应", en="does not answer")


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the gate and what is set aside go by."""
    clock = Clock()
    monkeypatch.setattr("soutu_services.search.ingest.gate.time", clock)
    monkeypatch.setattr("soutu_services.search.ingest.set_aside.time", clock)
    return clock


def test_cache_forgets_the_oldest_bytes_when_it_is_full() -> None:
    cache = ByteCache(100)
    cache.put("a", b"x" * 40)
    cache.put("b", b"y" * 40)
    cache.put("c", b"z" * 40)
    assert cache.take("a") is None
    assert cache.take("b") == b"y" * 40
    assert cache.take("c") == b"z" * 40


def test_cache_gives_bytes_once() -> None:
    cache = ByteCache(100)
    cache.put("a", b"x")
    assert cache.take("a") == b"x"
    assert cache.take("a") is None
    assert len(cache) == 0


def test_cache_does_not_let_one_large_item_push_out_all_others() -> None:
    cache = ByteCache(100)
    cache.put("a", b"x" * 30)
    cache.put("large", b"y" * 60)
    assert cache.take("large") is None
    assert cache.take("a") is not None


def test_cache_counts_replaced_bytes_once() -> None:
    cache = ByteCache(100)
    for _ in range(10):
        cache.put("a", b"x" * 40)
    cache.put("b", b"y" * 40)
    assert cache.take("a") is not None


def test_gate_waits_longer_with_each_failure(clock: Clock) -> None:
    gate = Gate(first_seconds=0.02, most_seconds=10)
    for longest in (0.02, 0.04, 0.08, 0.16, 0.32):
        gate.failed(AWAY)
        assert longest / 2 - 1e-9 <= gate.seconds_left() <= longest + 1e-9
        clock.now += gate.seconds_left()
    gate.succeeded()
    gate.failed(AWAY)
    assert gate.seconds_left() <= 0.02 + 1e-9, "it begins again after a success"


def test_gate_is_closed_after_a_failure_and_opens_after_a_success(clock: Clock) -> None:
    gate = Gate(first_seconds=10, most_seconds=25)
    assert gate.is_open
    assert gate.failed(AWAY)
    first = gate.seconds_left()
    assert 5 <= first <= 10
    assert not gate.is_open
    assert gate.problem == AWAY
    gate.succeeded()
    assert gate.is_open
    assert not gate.has_failed


def test_gate_counts_the_failures_of_many_threads_as_one(clock: Clock) -> None:
    gate = Gate(first_seconds=10, most_seconds=1000)
    news = [gate.failed(AWAY) for _ in range(20)]
    assert news == [True] + [False] * 19
    assert gate.seconds_left() <= 10


def test_gate_never_waits_longer_than_its_most(clock: Clock) -> None:
    gate = Gate(first_seconds=1, most_seconds=4)
    for _ in range(10):
        gate.failed(AWAY)
        assert not gate.is_open
        assert gate.seconds_left() <= 4
        clock.now += 4
    assert gate.is_open


def test_what_is_set_aside_is_tried_less_and_less_often(clock: Clock) -> None:
    aside = SetAside(first_seconds=1, most_seconds=4)
    for longest in (1, 2, 4, 8, 16, 32, 64, 80, 80):
        aside.failed(7, "photos")
        assert aside.is_waiting(7)
        assert longest / 2 <= aside.seconds_left({"photos"}) <= longest, "twenty times its source's most, and no more"
        clock.now += longest
        assert not aside.is_waiting(7)


def test_group_commit_puts_what_waits_into_one_group() -> None:
    groups: list[Sequence[int]] = []
    may_go = threading.Event()

    def commit(items: Sequence[int]) -> list[int]:
        assert may_go.wait(PATIENCE)
        groups.append(list(items))
        return [item * 10 for item in items]

    group_commit = GroupCommit[int, int](commit, most_items=100, name="test")
    futures = [group_commit.submit(number) for number in range(20)]
    may_go.set()
    assert [future.result(PATIENCE) for future in futures] == [number * 10 for number in range(20)]
    group_commit.close()
    assert len(groups) <= 3


def test_group_commit_fails_a_bad_item_alone() -> None:
    submitted = threading.Event()

    def commit(items: Sequence[int]) -> list[int]:
        assert submitted.wait(PATIENCE)
        if 3 in items:
            raise ValueError("three")
        return list(items)

    group_commit = GroupCommit[int, int](commit, most_items=100, name="test")
    futures = {number: group_commit.submit(number) for number in range(6)}
    submitted.set()
    with pytest.raises(ValueError, match="three"):
        futures.pop(3).result(PATIENCE)
    assert {number: future.result(PATIENCE) for number, future in futures.items()} == {number: number for number in futures}
    group_commit.close()


def test_group_commit_commits_what_waits_when_it_is_closed() -> None:
    done: list[int] = []

    def commit(items: Sequence[int]) -> Sequence[None]:
        done.extend(items)
        return [None] * len(items)

    group_commit = GroupCommit[int, None](commit, most_items=3, name="test")
    for number in range(10):
        group_commit.submit(number)
    group_commit.close()
    assert done == list(range(10))
