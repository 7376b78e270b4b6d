"""The estimate of how long embedding takes."""

from __future__ import annotations

import pytest

from soutu_services.search.embedding_rate import EmbeddingRate


def test_nothing_is_estimated_before_anything_was_measured_or_when_nothing_waits() -> None:
    rate = EmbeddingRate()
    assert rate.seconds_for(10) is None
    rate.add(4, began=0, ended=2)
    assert rate.seconds_for(0) is None
    assert rate.seconds_for(10) == pytest.approx(5)


def test_batches_under_way_at_once_count_for_the_time_that_all_take() -> None:
    rate = EmbeddingRate()
    for second in range(1, 41):  # one ends each second, and each takes three
        rate.add(10, began=second - 3.0, ended=float(second))
    assert rate.seconds_for(100) == pytest.approx(10, rel=0.06)


def test_time_in_which_the_machine_slept_does_not_count() -> None:
    rate = EmbeddingRate()
    for second in range(1, 21):
        rate.add(10, began=second - 1.0, ended=float(second))
    for second in range(10_001, 10_021):
        rate.add(10, began=second - 1.0, ended=float(second))
    assert rate.seconds_for(100) == pytest.approx(10, rel=0.06)


def test_only_the_last_batches_count() -> None:
    rate = EmbeddingRate()
    for second in range(1, 101):
        rate.add(1, began=second - 1.0, ended=float(second))
    for second in range(101, 201):
        rate.add(10, began=second - 1.0, ended=float(second))
    assert rate.seconds_for(100) == pytest.approx(10)


def test_a_pause_for_want_of_photos_counts_for_little() -> None:
    rate = EmbeddingRate()
    rate.add(10, began=0, ended=1)
    rate.add(10, began=99, ended=100)
    assert rate.seconds_for(20) == pytest.approx(4)
