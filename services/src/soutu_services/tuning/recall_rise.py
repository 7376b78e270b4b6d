"""How much recall rose from one evaluation to another of the same pairs."""

from __future__ import annotations

import numpy as np

from soutu_services.tuning.evaluation import RESAMPLES, SEED, Evaluation
from soutu_services.tuning.retrieval import CUTS, Estimate, FloatArray, IntArray, groups_of, paired_difference

__all__ = ["hits", "recall_rise"]


def recall_rise(before: Evaluation, after: Evaluation) -> dict[str, Estimate]:
    """Compare recall from text to photo, each query with itself; the texts of one photo are drawn together.

    Returns:
        ``r1``, ``r5``, ``r10`` and ``mean_recall``, with intervals.
    """
    groups = groups_of(before.text_to_photo.right)
    names = (*(f"r{most}" for most in CUTS), "mean_recall")
    old, new = (hits(evaluation.text_to_photo.ranking.ranks) for evaluation in (before, after))
    return {name: paired_difference(old[at], new[at], groups, resamples=RESAMPLES, seed=SEED) for at, name in enumerate(names)}


def hits(ranks: IntArray) -> list[FloatArray]:
    """Return, for each cut of recall and then for their mean, which queries found what they look for; shape (q,) each."""
    found = [np.asarray(ranks <= most, np.float32) for most in CUTS]
    return [*found, np.asarray(sum(found) / len(CUTS), np.float32)]
