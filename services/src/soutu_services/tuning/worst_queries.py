"""The queries that went wrong most, with pictures of what they found."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from soutu_services.embedding.encoder import ItemRefused
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.retrieval import IntArray

__all__ = ["WorstPhoto", "WorstText", "small_pictures", "worst_photos", "worst_texts"]

_FOUND = 5
_SIDE = 160
_QUALITY = 72


@dataclass(frozen=True, slots=True)
class WorstText:
    """A text, the photos that it fits, the rank of the best of them, and the photos that it found; by place."""

    text: str
    rank: int
    right: IntArray
    found: IntArray


@dataclass(frozen=True, slots=True)
class WorstPhoto:
    """A photo, its texts, the rank of the best of them, and the texts that it found; the photo by its place."""

    photo: int
    rank: int
    right: Sequence[str]
    found: Sequence[str]


def worst_texts(evaluation: Evaluation, count: int) -> list[WorstText]:
    """Return the texts with the worst ranks, the worst first; one text a photo, so that one hard photo does not fill the page."""
    direction, pairs = evaluation.text_to_photo, evaluation.pairs
    chosen: list[WorstText] = []
    shown: set[int] = set()
    for query in np.argsort(-direction.ranking.ranks, kind="stable"):
        first = int(direction.right[query][0])
        if first in shown:
            continue
        shown.add(first)
        found = direction.ranking.found[query][:_FOUND]
        chosen.append(WorstText(pairs.texts[query], int(direction.ranking.ranks[query]), direction.right[query], found))
        if len(chosen) == count:
            break
    return chosen


def worst_photos(evaluation: Evaluation, count: int) -> list[WorstPhoto]:
    """Return the photos whose texts have the worst ranks, the worst first."""
    direction, texts = evaluation.photo_to_text, evaluation.pairs.texts
    order = np.argsort(-direction.ranking.ranks, kind="stable")[:count]
    return [
        WorstPhoto(
            int(direction.queries[query]),
            int(direction.ranking.ranks[query]),
            [texts[place] for place in direction.right[query]],
            [texts[place] for place in direction.ranking.found[query][:_FOUND]],
        )
        for query in order
    ]


def small_pictures(dataset: Dataset, wanted: set[int], limits: ImageLimits) -> dict[int, bytes]:
    """Read pictures by their ids once more, as small JPEGs of at most 160 pixels a side; what cannot be read is left out."""
    small: dict[int, bytes] = {}
    for image_id, data in dataset.pictures(Flaws()):
        if image_id not in wanted or image_id in small:
            continue
        try:
            picture = decode_rgb(data, limits, shorter_side=_SIDE)
        except ItemRefused:
            continue
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_QUALITY)
        small[image_id] = buffer.getvalue()
        if len(small) == len(wanted):
            break
    return small
