"""What is chosen for a library of some size."""

from __future__ import annotations

import pytest

from soutu_services.search.index.policy import IndexPolicy, Method, Plan

POLICY = IndexPolicy()


@pytest.mark.parametrize(
    ("vectors", "method"),
    [
        (0, Method.FLAT),
        (20_000, Method.FLAT),
        (20_001, Method.FAST_SCAN),
        (100_000, Method.FAST_SCAN),
        (1_000_000, Method.FAST_SCAN),
        (2_000_001, Method.LISTS),
        (10_000_000, Method.LISTS),
    ],
)
def test_method_follows_the_size(vectors: int, method: Method) -> None:
    assert POLICY.method(vectors, 512) is method


def test_little_memory_means_codes_sooner() -> None:
    assert IndexPolicy(memory_bytes=16 << 20).method(10_000, 512) is Method.FAST_SCAN
    assert IndexPolicy(memory_bytes=16 << 20).method(4000, 512) is Method.FLAT, "what is new is kept exactly anyway"


def test_odd_dimension_is_searched_exactly() -> None:
    assert POLICY.method(10**6, 513) is Method.FLAT


@pytest.mark.parametrize(
    ("base", "gone", "loose", "is_due"),
    [
        (0, 0, 20_000, False),
        (0, 0, 20_001, True),
        (100_000, 0, 4096, False),
        (100_000, 0, 4097, True),
        (1_000_000, 0, 20_000, False),
        (1_000_000, 0, 20_001, True),
        (100_000, 20_000, 0, False),
        (100_000, 20_001, 0, True),
    ],
)
def test_base_is_made_anew_when_much_is_beside_it_or_gone_from_it(base: int, gone: int, loose: int, is_due: bool) -> None:
    assert POLICY.is_due(base, gone, loose, 512) is is_due


@pytest.mark.parametrize("vectors", [25_000, 100_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("k", [1, 10, 50, 1125])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.02, 0.01, 0.001, 0.0])
def test_plan_compares_enough_and_scans_no_deeper_than_pays(vectors: int, k: int, share: float) -> None:
    allowed = int(vectors * share)
    plan = POLICY.plan(vectors, allowed, k, 512)
    assert plan.enough <= allowed
    assert plan.enough >= min(allowed, k + 100)
    if plan.depth:
        assert allowed > vectors // 64, "fewer are fetched and compared"
        assert plan.enough <= plan.depth <= vectors // 4
        assert plan.depth * allowed >= plan.enough * vectors, "as many as are enough are to be expected among them"
    else:
        assert allowed <= max(vectors // 64, 2 * plan.enough) or plan.enough * vectors * 5 > allowed * vectors


def test_small_shares_are_fetched_and_large_ones_scanned() -> None:
    assert POLICY.plan(1_000_000, 10_000, 10, 512) == Plan(0, 10_000)
    assert POLICY.plan(1_000_000, 100_000, 10, 512).depth > 0
    assert POLICY.plan(1_000_000, 1_000_000, 10, 512) == Plan(210, 210)


def test_depth_grows_until_it_does_not_pay() -> None:
    depth, depths = 210, []
    while depth := POLICY.deeper(depth, 1_000_000):
        depths.append(depth)
    assert depths == [840, 3360, 13_440, 53_760, 215_040]


@pytest.mark.parametrize("vectors", [4, 100, 10_000, 2_000_001, 10_000_000])
def test_lists_hold_a_fair_number_of_vectors(vectors: int) -> None:
    lists = POLICY.lists(vectors)
    assert lists & (lists - 1) == 0
    assert vectors**0.5 <= lists <= 3 * vectors**0.5
    assert 1 <= POLICY.probes(lists) <= lists


def test_fewer_dimensions_need_more_comparisons() -> None:
    assert POLICY.plan(100_000, 100_000, 10, 768) == POLICY.plan(100_000, 100_000, 10, 512)
    assert POLICY.plan(100_000, 100_000, 10, 128).enough == 410
