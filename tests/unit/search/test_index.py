from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from index_model import index_model, keep_finding
from soutu_services.search.index import FlatIndex, near_hashes
from soutu_services.search.model import FloatArray

DIMENSION = 6
IDS = st.lists(st.integers(min_value=0, max_value=5000), max_size=40, unique=True)


def unit_vectors(seed: int, count: int, dimension: int = DIMENSION) -> FloatArray:
    vectors: FloatArray = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


class IndexMachine(index_model(IDS, unit_vectors)):
    """The index does what a dictionary of vectors and numpy do, through any sequence of changes."""

    def __init__(self) -> None:
        super().__init__()
        self.index = FlatIndex("s", DIMENSION)
        self.model: dict[int, FloatArray] = {}

    @invariant()
    def holds_what_was_added(self) -> None:
        assert len(self.index) == len(self.model)
        ids, vectors = self.index.vectors(np.array([*sorted(self.model), 123456], dtype=np.int64))
        assert ids.tolist() == sorted(self.model)
        for one, vector in zip(ids.tolist(), vectors, strict=True):
            np.testing.assert_array_equal(vector, self.model[one])


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.2, 0.9, 1.0])
def test_is_exact_however_many_are_allowed(share: float) -> None:
    vectors = unit_vectors(1, 6000, 32)
    index = FlatIndex("s", 32)
    index.add(np.arange(6000) * 3, vectors)
    allowed = np.random.default_rng(2).permutation(6000)[: max(1, int(6000 * share))] * 3
    query = unit_vectors(3, 1, 32)[0]
    ids, _ = index.search(query, 50, np.concatenate([allowed, allowed[:5], [-7, 10**9]]))
    best = sorted(allowed.tolist(), key=lambda one: -float(vectors[one // 3] @ query))[:50]
    assert ids.tolist() == best


def test_equal_cosines_are_ordered_by_id() -> None:
    index = FlatIndex("s", 4)
    index.add(np.array([9, 2, 5]), np.tile(np.array([1, 0, 0, 0], dtype=np.float32), (3, 1)))
    assert index.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)[0].tolist() == [2, 5, 9]


def test_refuses_what_does_not_fit() -> None:
    index = FlatIndex("s", 4)
    for ids, vectors in (
        ([1], np.ones((1, 5))),
        ([1, 2], np.ones((1, 4))),
        ([1, 1], np.ones((2, 4))),
        ([-1], np.ones((1, 4))),
        ([1], np.full((1, 4), np.nan)),
    ):
        with pytest.raises(ValueError, match=r"vectors|ids"):
            index.add(np.array(ids), vectors.astype(np.float32))
    with pytest.raises(ValueError, match="values"):
        index.search(np.ones(5, dtype=np.float32), 1)
    assert len(index) == 0


def test_threads_may_search_while_others_add_and_remove() -> None:
    vectors = unit_vectors(4, 2000, 16)
    index = FlatIndex("s", 16)
    index.add(np.arange(1000), vectors[:1000])
    problems: list[BaseException] = []
    stop = threading.Event()

    searchers = [threading.Thread(target=keep_finding, args=(index, 7, vectors[7], stop, problems)) for _ in range(3)]
    for thread in searchers:
        thread.start()
    for round_number in range(100):
        block = np.arange(1000 + round_number * 10, 1010 + round_number * 10)
        index.add(block, vectors[block])
        index.remove(np.arange(100, 100 + round_number))
    stop.set()
    for thread in searchers:
        thread.join()
    assert problems == []
    assert len(index) == 2000 - 99


@pytest.mark.parametrize("max_distance", [0, 1, 3, 6, 10, 16])
def test_near_hashes_are_all_found(max_distance: int) -> None:
    rng = np.random.default_rng(5)
    seeds = rng.integers(0, 2**64, 40, dtype=np.uint64)
    flips = np.array(
        [sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 18), replace=False)) for _ in range(900)], dtype=np.uint64
    )
    hashes = np.unique(np.concatenate([seeds, rng.choice(seeds, 900) ^ flips]))
    pairs = {
        pair
        for first, second in near_hashes(hashes, max_distance, rows=100)
        for pair in zip(first.tolist(), second.tolist(), strict=True)
    }
    values = hashes.tolist()
    expected = {
        (one, other)
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (values[one] ^ values[other]).bit_count() <= max_distance
    }
    assert pairs == expected
    assert expected or max_distance == 0
