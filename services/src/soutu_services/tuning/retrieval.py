"""How well things are found: ranks, recall, and how sure one can be of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "CUTS",
    "Estimate",
    "FloatArray",
    "IntArray",
    "Ranking",
    "Recall",
    "bootstrap",
    "estimates",
    "groups_of",
    "paired_difference",
    "rank",
    "recall_of",
]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

CUTS = (1, 5, 10)
"""Recall is counted among so many first answers."""

_SCORES_AT_ONCE = 1 << 24
_COUNTS_AT_ONCE = 1 << 23


@dataclass(frozen=True, slots=True)
class Ranking:
    """What queries found.

    Attributes:
        ranks: Place of each query's best right answer among all, 1 for the first; shape (queries,).
        found: The first answers of each query, best first; shape (queries, min(10, targets)).
    """

    ranks: IntArray
    found: IntArray


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of queries whose right answer is among the first 1, 5 and 10, their mean, and the median rank."""

    r1: float
    r5: float
    r10: float
    mean_recall: float
    median_rank: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval that holds it with a confidence of 95 %."""

    value: float
    low: float
    high: float


def rank(queries: FloatArray, targets: FloatArray, right: Sequence[IntArray]) -> Ranking:
    """Rank all targets for each query by their cosine.

    Of equal ones the earlier comes first, as where cn_clip's ``make_topk_predictions`` sorts. A query with several right answers
    has the rank of the best.

    Args:
        queries: L2-normalised; shape (q, d).
        targets: L2-normalised; shape (t, d), t > 0.
        right: For each query, places of the right targets, at least one.
    """
    ranks = np.empty(len(queries), np.int64)
    kept = min(CUTS[-1], len(targets))
    found = np.empty((len(queries), kept), np.int64)
    step = max(1, _SCORES_AT_ONCE // len(targets))
    for begin in range(0, len(queries), step):
        for query, scores in enumerate(queries[begin : begin + step] @ targets.T, begin):
            answers = np.sort(right[query])
            best = answers[np.argmax(scores[answers])]
            ahead = np.count_nonzero(scores > scores[best]) + np.count_nonzero(scores[:best] == scores[best])
            ranks[query] = 1 + ahead
            least = np.partition(scores, len(scores) - kept)[len(scores) - kept]
            candidates = np.flatnonzero(scores >= least)
            found[query] = candidates[np.argsort(-scores[candidates], kind="stable")][:kept]
    return Ranking(ranks, found)


def recall_of(ranks: Sequence[int] | IntArray) -> Recall:
    """Sum ranks up, in the arithmetic of ``cn_clip/eval/evaluation.py``."""
    places = [int(place) for place in ranks]
    r1, r5, r10 = (sum(place <= most for place in places) * 1.0 / len(places) for most in CUTS)
    return Recall(r1, r5, r10, (r1 + r5 + r10) / 3.0, float(statistics.median(places)))


def groups_of(right: Sequence[IntArray]) -> IntArray:
    """Return the group of each query, 0 to g - 1: those with the same first right answer, for instance all texts of a photo."""
    return np.unique([int(places[0]) for places in right], return_inverse=True)[1].astype(np.int64)


def estimates(ranks: IntArray, *, resamples: int, seed: int, groups: IntArray | None = None) -> dict[str, Estimate]:
    """Return recall with confidence intervals: percentiles of a bootstrap over the queries (Efron & Tibshirani 1993, 13.3).

    Args:
        ranks: Shape (q,).
        resamples: How often to draw.
        seed: Of the draws.
        groups: The group of each query; whole groups are drawn, since queries of one photo are no independent witnesses. None:
            each query stands for itself.
    """
    recall = recall_of(ranks)
    by_group = np.arange(len(ranks)) if groups is None else groups
    drawn = bootstrap(
        int(by_group.max()) + 1,
        lambda counts: _recalls(ranks, counts[:, by_group]),
        resamples=resamples,
        seed=seed,
        width=len(ranks),
    )
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    names = ("r1", "r5", "r10", "mean_recall", "median_rank")
    return {name: Estimate(float(getattr(recall, name)), float(low[at]), float(high[at])) for at, name in enumerate(names)}


def paired_difference(before: FloatArray, after: FloatArray, groups: IntArray, *, resamples: int, seed: int) -> Estimate:
    """Return how much the mean of something rose, with its interval: queries are compared each with itself.

    Whole groups are drawn, as ``estimates`` does.

    Args:
        before: A value for each query; shape (q,).
        after: The same queries' values later.
        groups: The group of each query, 0 to g - 1.
        resamples: How often to draw.
        seed: Of the draws.
    """
    rise = np.bincount(groups, weights=after - before)
    size = np.bincount(groups).astype(np.float64)
    drawn = bootstrap(
        len(size), lambda counts: ((counts @ rise) / np.maximum(counts @ size, 1))[:, None], resamples=resamples, seed=seed
    )
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(float(rise.sum() / size.sum()), float(low), float(high))


def bootstrap(
    items: int, measure: Callable[[IntArray], npt.NDArray[np.float64]], *, resamples: int, seed: int, width: int = 0
) -> npt.NDArray[np.float64]:
    """Draw items with replacement again and again, and measure each draw.

    Args:
        items: How many there are.
        measure: Takes how often each item was drawn, shape (draws, items), and returns figures, shape (draws, figures).
        resamples: How often to draw.
        seed: Of the draws.
        width: Numbers that ``measure`` makes of a draw, where these are more than the items: memory is bounded by it.

    Returns:
        Figures of all draws; shape (resamples, figures).
    """
    random = np.random.default_rng(seed)
    step = max(1, _COUNTS_AT_ONCE // max(items, width))
    parts = []
    for begin in range(0, resamples, step):
        draws = min(step, resamples - begin)
        chosen = random.integers(0, items, (draws, items)) + items * np.arange(draws)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=draws * items).reshape(draws, items)
        parts.append(measure(counts))
    return np.concatenate(parts)


def _recalls(ranks: IntArray, counts: IntArray) -> npt.NDArray[np.float64]:
    drawn = counts.sum(axis=1)
    shares = [(counts @ (ranks <= most)) / drawn for most in CUTS]
    order = np.argsort(ranks, kind="stable")
    reached = counts[:, order].cumsum(axis=1)
    lower, upper = (ranks[order][(reached > half[:, None]).argmax(axis=1)] for half in ((drawn - 1) // 2, drawn // 2))
    return np.stack([*shares, sum(shares) / 3.0, (lower + upper) / 2.0], axis=1)
