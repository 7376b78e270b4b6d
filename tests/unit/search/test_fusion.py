"""Ranked lists fused into one."""

from __future__ import annotations

import pytest

from soutu_services.search.catalog import WordHit
from soutu_services.search.fusion import fuse
from soutu_services.search.model import MatchField, WordMatch

MATCH = (WordMatch(MatchField.TAG, "海"),)


def test_a_photo_in_two_lists_scores_the_sum() -> None:
    fused = fuse(["a", "b"], [[WordHit("b", 1, MATCH)]], {"a": 0.9, "b": 0.5})
    assert [one.photo_id for one in fused] == ["b", "a"]
    assert fused[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_equal_scores_are_told_apart_by_cosine_whatever_its_sign() -> None:
    hits = [WordHit(photo_id, 1, MATCH) for photo_id in "abcd"]
    fused = fuse([], [hits], {"a": -0.5, "c": 0.0, "d": 0.5})
    assert [(one.photo_id, one.cosine) for one in fused] == [("d", 0.5), ("c", 0.0), ("a", -0.5), ("b", None)]
