"""An evaluation of a model on a split, in both directions, and its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from soutu_services.embedding.encoder import ModelCard
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.flaws import FlawReport
from soutu_services.tuning.retrieval import Estimate, FloatArray, IntArray, Ranking, estimates, groups_of, rank

__all__ = ["RESAMPLES", "SEED", "Direction", "Evaluation", "evaluate", "write_evaluation"]

RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True, slots=True)
class Direction:
    """Looking for photos by texts, or for texts by photos.

    Attributes:
        queries: Place of each query among the texts, or the photos.
        right: For each query, the places of its right answers.
        ranking: What was found.
        figures: Recall and the median rank, by name.
    """

    queries: IntArray
    right: Sequence[IntArray]
    ranking: Ranking
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model does on a split."""

    card: ModelCard
    dataset: str
    split: str
    pairs: EmbeddedPairs
    text_to_photo: Direction
    photo_to_text: Direction
    flaws: Sequence[FlawReport]

    @property
    def directions(self) -> dict[str, Direction]:
        """Both directions by name."""
        return {"text_to_photo": self.text_to_photo, "photo_to_text": self.photo_to_text}

    def summary(self) -> dict[str, object]:
        """Return the figures as JSON has them."""
        return {
            "model": self.card.name,
            "variant": self.card.variant,
            "space_id": self.card.space_id,
            "dataset": self.dataset,
            "split": self.split,
            "photos": len(self.pairs.image_ids),
            "texts": len(self.pairs.text_ids),
            "interval": {
                "confidence": 0.95,
                "method": "percentile bootstrap; queries with the same first right answer are drawn together",
                "resamples": RESAMPLES,
                "seed": SEED,
            },
            "text_to_photo": _figures(self.text_to_photo),
            "photo_to_text": _figures(self.photo_to_text),
            "flaws": [{"kind": report.flaw.name, "count": report.count, "first": report.first} for report in self.flaws],
        }


def evaluate(card: ModelCard, dataset: str, split: str, pairs: EmbeddedPairs, flaws: Sequence[FlawReport]) -> Evaluation:
    """Rank everything in both directions. Photos without a text are found, and looked for by none."""
    looked_for = np.unique(pairs.pairs[:, 1])
    texts = pairs.texts_of_images()
    return Evaluation(
        card,
        dataset,
        split,
        pairs,
        _direction(np.arange(len(pairs.texts)), pairs.text_vectors, pairs.images, pairs.images_of_texts()),
        _direction(looked_for, pairs.images[looked_for], pairs.text_vectors, [texts[place] for place in looked_for]),
        flaws,
    )


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write the figures (``evaluation.json``) and what cn_clip's own scripts take to check them.

    ``text_to_photo.*`` go to ``cn_clip/eval/evaluation.py``, ``photo_to_text.*`` to ``evaluation_tr.py``: first the answers, then
    the predictions, then a file for the score. They need ten predictions a query, so at least ten photos and texts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = evaluation.pairs
    (folder / "evaluation.json").write_text(json.dumps(evaluation.summary(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    for name, direction, query_ids, target_ids, query, targets in (
        ("text_to_photo", evaluation.text_to_photo, pairs.text_ids, pairs.image_ids, "text_id", "image_ids"),
        ("photo_to_text", evaluation.photo_to_text, pairs.image_ids, pairs.text_ids, "image_id", "text_ids"),
    ):
        for kind, lists in (("answers", direction.right), ("predictions", direction.ranking.found)):
            rows = zip(query_ids[direction.queries].tolist(), lists, strict=True)
            lines = ({query: one, targets: target_ids[places].tolist()} for one, places in rows)
            _write_lines(folder / f"{name}.{kind}.jsonl", lines)


def _direction(queries: IntArray, vectors: FloatArray, targets: FloatArray, right: Sequence[IntArray]) -> Direction:
    ranking = rank(vectors, targets, right)
    figures = estimates(ranking.ranks, resamples=RESAMPLES, seed=SEED, groups=groups_of(right))
    return Direction(queries, right, ranking, figures)


def _figures(direction: Direction) -> dict[str, object]:
    return {"queries": len(direction.queries), **{name: asdict(figure) for name, figure in direction.figures.items()}}


def _write_lines(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
