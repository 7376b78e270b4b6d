"""Dynamic batching: order, bounds, failures, and the end."""

from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest

from patience import PATIENCE, eventually
from soutu_services.embedding.batcher import Batcher, BatchSettings, ModelBrokenError
from soutu_services.embedding.encoder import ItemProblem, ItemRefused
from soutu_services.embedding.ticket import Priority, Ticket
from soutu_services.runtime.errors import DeadlinePassed, Overloaded, Unavailable

PROBE = 1000.0
AN_HOUR_IN_MILLISECONDS = 3_600_000


class Tower:
    """Maps x to (x, -x). Bad numbers fail the pass; ``hold`` keeps it from ending."""

    def __init__(self):
        self.passes = []
        self.hold = threading.Event()
        self.hold.set()
        self.entered = threading.Semaphore(0)
        self.bad = set()
        self.broken = False
        self.seconds_per_item = 0.0

    def __call__(self, prepared):
        if prepared != [PROBE]:
            self.passes.append(list(prepared))
            self.entered.release()
        assert self.hold.wait(PATIENCE)
        time.sleep(self.seconds_per_item * len(prepared))
        if self.broken or self.bad & set(prepared):
            raise RuntimeError("no")
        return np.array([[x, -x] for x in prepared], np.float32)


@pytest.fixture
def tower():
    return Tower()


@pytest.fixture
def start(tower):
    batchers = []

    def start(**settings):
        # A pass that is held up makes no later one smaller, and a wait may be longer than people may ask for.
        settings = {"max_batch": 4, "bulk_pass_milliseconds": 1e9, "batch_wait_milliseconds": 5, "queue_items": 20, **settings}
        built = BatchSettings.model_construct(**settings)
        batchers.append(Batcher(tower, dimension=2, probe=PROBE, settings=built, model="test", tower="text"))
        return batchers[-1]

    yield start
    tower.hold.set()
    for batcher in batchers:
        batcher.close()


@pytest.fixture
def batcher(start):
    return start()


class Call(threading.Thread):
    def __init__(self, batcher, numbers, *, priority=Priority.BULK, prepare=float, seconds_left=PATIENCE):
        super().__init__()
        self.ticket = Ticket(len(numbers), priority=priority, seconds_left=seconds_left)
        self._work = (batcher, numbers, prepare)
        self.outcomes = None
        self.error = None
        self.start()

    def run(self):
        batcher, numbers, prepare = self._work
        try:
            self.outcomes = batcher.embed(self.ticket, numbers, prepare)
        except Exception as error:  # noqa: BLE001 - raised again in result()
            self.error = error

    def result(self):
        self.join(PATIENCE)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.outcomes


def embed(batcher, numbers, **options):
    return Call(batcher, numbers, **options).result()


def values(outcomes):
    return [outcome.problem.name if isinstance(outcome, ItemRefused) else float(outcome[0]) for outcome in outcomes]


def hold_with(batcher, tower, number=99.0):
    """Keep the tower busy with one item."""
    while tower.entered.acquire(blocking=False):
        pass
    tower.hold.clear()
    call = Call(batcher, [number])
    assert tower.entered.acquire(timeout=PATIENCE)
    assert tower.passes[-1] == [number]
    return call


def waits(batcher, priority, items):
    eventually(lambda: len(batcher._queue._waiting[priority]) >= items)


def test_outcomes_are_in_the_order_of_the_items(batcher):
    assert values(embed(batcher, range(11))) == list(range(11))


def test_batches_never_exceed_the_limit(batcher, tower):
    embed(batcher, range(11))
    assert max(map(len, tower.passes)) <= 4
    assert sum(map(len, tower.passes)) == 11


def test_interactive_items_overtake_and_are_not_mixed_with_bulk(batcher, tower):
    held = hold_with(batcher, tower)
    bulk = Call(batcher, [1, 2, 3, 4, 5, 6])
    waits(batcher, Priority.BULK, 6)
    person = Call(batcher, [7], priority=Priority.INTERACTIVE)
    waits(batcher, Priority.INTERACTIVE, 1)
    tower.hold.set()
    for call in (held, bulk, person):
        call.result()
    assert tower.passes == [[99], [7], [1, 2, 3, 4], [5, 6]]


def test_people_who_never_rest_do_not_stop_the_ingest(start, tower):
    batcher = start(max_batch=1)
    held = hold_with(batcher, tower)
    people = Call(batcher, range(20), priority=Priority.INTERACTIVE)
    waits(batcher, Priority.INTERACTIVE, 20)
    bulk = Call(batcher, [91, 92])
    waits(batcher, Priority.BULK, 2)
    tower.hold.set()
    for call in (held, people, bulk):
        call.result()
    assert [number for (number,) in tower.passes] == [99, *range(8), 91, *range(8, 16), 92, *range(16, 20)]


def test_a_bulk_batch_waits_for_items_that_are_being_prepared(start, tower):
    batcher = start(batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)

    def slowly(number):
        time.sleep(0.02)
        return float(number)

    embed(batcher, range(4), prepare=slowly)
    assert tower.passes == [[0, 1, 2, 3]]


def test_a_bulk_batch_does_not_wait_when_nothing_more_comes(start):
    batcher = start(batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)
    assert values(embed(batcher, [1, 2])) == [1, 2]


def test_a_person_does_not_wait_for_a_bulk_batch_to_fill(start, tower):
    batcher = start(batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)
    prepared = threading.Event()

    def stuck(number):
        if number == 2:
            assert prepared.wait(PATIENCE)
        return float(number)

    bulk = Call(batcher, [1, 2], prepare=stuck)
    waits(batcher, Priority.BULK, 1)
    assert values(embed(batcher, [7], priority=Priority.INTERACTIVE)) == [7]
    prepared.set()
    bulk.result()
    assert tower.passes == [[7], [1, 2]]


def test_the_first_of_a_persons_items_does_not_wait_for_the_others(start, tower):
    batcher = start(batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)
    prepared = threading.Event()

    def stuck(number):
        if number == 2:
            assert prepared.wait(PATIENCE)
        return float(number)

    person = Call(batcher, [1, 2], prepare=stuck, priority=Priority.INTERACTIVE)
    assert tower.entered.acquire(timeout=PATIENCE)
    prepared.set()
    person.result()
    assert tower.passes == [[1], [2]]


def test_bulk_batches_shrink_to_the_time_they_may_take(start, tower):
    tower.seconds_per_item = 0.01
    batcher = start(max_batch=64, queue_items=100, bulk_pass_milliseconds=25)
    embed(batcher, range(60))
    assert all(len(batch) <= 2 for batch in tower.passes[4:]), [len(batch) for batch in tower.passes]


def test_a_persons_batches_shrink_too_and_the_pace_of_one_priority_is_not_the_others(start, tower):
    tower.seconds_per_item = 0.01
    batcher = start(max_batch=64, queue_items=100, bulk_pass_milliseconds=25)
    embed(batcher, range(60), priority=Priority.INTERACTIVE)
    assert all(len(batch) <= 2 for batch in tower.passes[5:]), [len(batch) for batch in tower.passes]
    before = len(tower.passes)
    embed(batcher, range(60))
    assert len(tower.passes[before]) > 2  # nothing is known of its pace yet


def test_bulk_batches_grow_when_passes_are_fast(start, tower):
    batcher = start(max_batch=16, queue_items=200, batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)
    embed(batcher, range(100))
    assert max(map(len, tower.passes)) == 16


def test_a_request_that_does_not_fit_is_refused_as_a_whole_before_preparation(batcher, tower):
    held = hold_with(batcher, tower)
    waiting = Call(batcher, range(15))
    waits(batcher, Priority.BULK, 15)
    prepared = []
    with pytest.raises(Overloaded):
        embed(batcher, range(6), prepare=prepared.append)
    assert prepared == []
    fits = Call(batcher, range(5))
    waits(batcher, Priority.BULK, 20)
    tower.hold.set()
    for call in (held, waiting, fits):
        call.result()


def test_a_full_bulk_queue_does_not_keep_people_out(batcher, tower):
    held = hold_with(batcher, tower)
    bulk = Call(batcher, range(20))
    waits(batcher, Priority.BULK, 20)
    person = Call(batcher, [7], priority=Priority.INTERACTIVE)
    waits(batcher, Priority.INTERACTIVE, 1)
    tower.hold.set()
    assert values(person.result()) == [7]
    held.result()
    bulk.result()


def test_places_are_free_again_after_work_refusals_and_leaving(batcher, tower):
    def refuse(number):
        raise ItemRefused(ItemProblem.EMPTY, zh="空", en="empty")

    for _ in range(5):
        embed(batcher, range(20))
        embed(batcher, range(20), prepare=refuse)
    held = hold_with(batcher, tower)
    left = Call(batcher, range(20))
    waits(batcher, Priority.BULK, 20)
    left.ticket.abandon()
    with pytest.raises(DeadlinePassed):
        left.result()
    takes_the_places = Call(batcher, range(20))
    waits(batcher, Priority.BULK, 20)
    tower.hold.set()
    held.result()
    assert len(takes_the_places.result()) == 20


def test_a_refused_item_does_not_touch_its_neighbours(batcher):
    def prepare(number):
        if number == 2:
            raise ItemRefused(ItemProblem.NOT_AN_IMAGE, zh="不是图片", en="no image")
        return float(number)

    assert values(embed(batcher, [1, 2, 3], prepare=prepare)) == [1, "NOT_AN_IMAGE", 3]


def test_an_item_whose_preparation_has_a_bug_fails_alone(batcher, caplog):
    def prepare(number):
        return 1 / number

    with caplog.at_level(logging.ERROR):
        assert values(embed(batcher, [1, 0, 2], prepare=prepare)) == [1, "MODEL_FAILED", 0.5]
    assert "ZeroDivisionError" in caplog.text


def test_a_failing_batch_is_tried_one_by_one(batcher, tower):
    tower.bad = {2.0}
    assert values(embed(batcher, [1, 2, 3])) == [1, "MODEL_FAILED", 3]


def test_vectors_that_are_not_finite_fail_alone(batcher):
    outcomes = embed(batcher, [1.0, float("nan"), float("inf"), 2.0])
    assert values(outcomes) == [1, "MODEL_FAILED", "MODEL_FAILED", 2]


def test_a_broken_model_fails_calls_not_items_and_may_recover(batcher, tower):
    tower.broken = True
    with pytest.raises(Unavailable) as caught:
        embed(batcher, [1, 2, 3])
    assert caught.value.reason == "MODEL_BROKEN"
    tower.broken = False
    assert values(embed(batcher, [1])) == [1]


def test_a_model_that_gives_the_wrong_shape_is_found_at_the_start(tower):
    with pytest.raises(ModelBrokenError):
        Batcher(tower, dimension=3, probe=PROBE, settings=BatchSettings(), model="test", tower="text")


def test_a_model_that_gives_no_finite_vector_is_found_at_the_start(tower):
    with pytest.raises(ModelBrokenError):
        Batcher(tower, dimension=2, probe=float("nan"), settings=BatchSettings(), model="test", tower="text")


def test_a_passed_deadline_costs_no_pass_and_no_more_preparation(batcher, tower):
    held = hold_with(batcher, tower)
    prepared = []

    def prepare(number):
        prepared.append(number)
        time.sleep(0.05)
        return float(number)

    late = Call(batcher, range(20), prepare=prepare, seconds_left=0.12)
    with pytest.raises(DeadlinePassed):
        late.result()
    assert len(prepared) < 10
    tower.hold.set()
    held.result()
    embed(batcher, [7])
    assert tower.passes == [[99], [7]]


def test_closing_fails_those_who_wait_lets_the_pass_end_and_ends_the_thread(batcher, tower):
    held = hold_with(batcher, tower)
    waiting = Call(batcher, [1, 2])
    waits(batcher, Priority.BULK, 2)
    closer = threading.Thread(target=batcher.close)
    closer.start()
    with pytest.raises(Unavailable) as caught:
        waiting.result()
    assert caught.value.reason == "STOPPING"
    tower.hold.set()
    assert values(held.result()) == [99]
    closer.join(PATIENCE)
    assert not any(thread.name == "forward-test-text" for thread in threading.enumerate())
    with pytest.raises(Unavailable):
        embed(batcher, [1])


def test_closing_while_a_call_prepares_fails_it(batcher):
    inside, go = threading.Event(), threading.Event()

    def prepare(number):
        inside.set()
        assert go.wait(PATIENCE)
        return float(number)

    call = Call(batcher, [1, 2], prepare=prepare)
    assert inside.wait(PATIENCE)
    batcher.close()
    go.set()
    with pytest.raises(Unavailable):
        call.result()
