"""Ranked lists fused into one (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soutu_services.search.catalog import WordHit
from soutu_services.search.model import WordMatch

__all__ = ["Fused", "fuse"]

_K = 60
"""The paper's constant."""


@dataclass(frozen=True, slots=True)
class Fused:
    """A photo with its reciprocal-rank score, its cosine if it has an embedding, and where words of the query were found."""

    photo_id: str
    score: float
    cosine: float | None
    matches: tuple[WordMatch, ...]


def fuse(by_look: Sequence[str], by_words: Sequence[Sequence[WordHit]], cosines: Mapping[str, float]) -> list[Fused]:
    """Fuse one list by look and one by words for each text: a photo scores the sum of 1 / (60 + rank) over the lists it is in.

    Equal scores: what was found by words comes first, then what looks more alike, then by photo id.

    Args:
        by_look: Photo ids, best first.
        by_words: Hits by words, each with its rank.
        cosines: Cosines of photos, where known.
    """
    scores: dict[str, float] = {photo_id: 1 / (_K + rank) for rank, photo_id in enumerate(by_look, start=1)}
    matches: dict[str, dict[WordMatch, None]] = {}
    for hits in by_words:
        for hit in hits:
            scores[hit.photo_id] = scores.get(hit.photo_id, 0.0) + 1 / (_K + hit.rank)
            matches.setdefault(hit.photo_id, {}).update(dict.fromkeys(hit.matches))
    fused = [
        Fused(photo_id, score, cosines.get(photo_id), tuple(matches.get(photo_id, ()))) for photo_id, score in scores.items()
    ]
    return sorted(fused, key=_order)


def _order(one: Fused) -> tuple[float, bool, float, str]:
    return -one.score, not one.matches, -(-1.0 if one.cosine is None else one.cosine), one.photo_id
