"""Choosing how an adapter is trained, on parts of the training data alone.

The photos are cut into three parts; each candidate is trained three times, each time without one part, and measured on that part.
The candidate and the number of epochs with the best mean recall win; training stops once that has not risen for some epochs.
Then all of the training data is used for so many epochs: nothing of the held-out split is ever seen. Queries from use are
trained on, and choose nothing: people could open only what the untrained model found for them, so that it does best by them
whatever is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from soutu_services.embedding.projection import Projection
from soutu_services.tuning.adapter_training import AdapterTraining, TrainingOptions
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.retrieval import FloatArray, IntArray, rank, recall_of
from soutu_services.tuning.use_vectors import UseVectors

__all__ = ["CANDIDATES", "Epoch", "Trial", "adapted_pairs", "part_of", "try_candidate", "use_ranks"]

_FOLDS = 3
_PATIENCE = 3
_MOST_PHOTOS = 3000
"""More photos than these make the choice slower, not better."""

CANDIDATES: tuple[TrainingOptions, ...] = (
    TrainingOptions(),
    TrainingOptions(hidden=256, rate=3e-4, dropout=0.3),
)
"""Few, and all sound: a wide adapter that is trained slowly finds more in data it has not seen than a narrow one does."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch reached: the mean loss, and recall from text to photo on what was left out, as means over the parts."""

    loss: float
    r10: float
    mean_recall: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate, what it reached before training and after each epoch, and the best number of epochs."""

    options: TrainingOptions
    epochs: tuple[Epoch, ...]

    @property
    def best(self) -> int:
        """The number of epochs with the best mean recall; 0: not to train at all."""
        return int(np.argmax([epoch.mean_recall for epoch in self.epochs]))


def try_candidate(
    pairs: EmbeddedPairs,
    options: TrainingOptions,
    *,
    most_epochs: int,
    uses: UseVectors | None = None,
    on_epoch: Callable[[int, Epoch], None] = lambda *_: None,
) -> Trial:
    """Train on two of three parts, three times side by side, and measure each on the third.

    Args:
        pairs: The training data.
        options: The candidate.
        most_epochs: Where to stop at last.
        uses: Queries from use to train on as well.
        on_epoch: Told each epoch's number, from 0 for before training, and what it reached.
    """
    parts = _parts(pairs, options.seed)
    rests = [part_of(pairs, np.setdiff1d(np.unique(np.concatenate(parts)), part)) for part in parts]
    held_out = [part_of(pairs, part) for part in parts]
    told = [None if uses is None else uses.apart_from(part.images) for part in held_out]  # not of what is measured on
    trainings = [AdapterTraining(pairs.images.shape[1], options) for _ in parts]
    epochs: list[Epoch] = []
    while True:
        loss = [float("nan")]
        if epochs:
            loss = [one.run_epoch(rest, more) for one, rest, more in zip(trainings, rests, told, strict=True)]
        recalls = [_recall(part, *training.projections()) for part, training in zip(held_out, trainings, strict=True)]
        r10, mean = np.mean(recalls, axis=0).tolist()
        epochs.append(Epoch(float(np.mean(loss)), r10, mean))
        on_epoch(len(epochs) - 1, epochs[-1])
        trial = Trial(options, tuple(epochs))
        if len(epochs) > most_epochs or len(epochs) - 1 - trial.best >= _PATIENCE:
            return trial


def adapted_pairs(pairs: EmbeddedPairs, text: Projection, image: Projection) -> EmbeddedPairs:
    """Return the pairs as an adapter sees them."""
    return replace(pairs, images=image.apply(pairs.images), text_vectors=text.apply(pairs.text_vectors))


def use_ranks(uses: UseVectors, images: FloatArray, text: Projection | None = None, image: Projection | None = None) -> IntArray:
    """Return the rank of the best photo that each query means, among the photos from use and others.

    Args:
        uses: Queries, each of which means a photo.
        images: Vectors of the other photos, shape (i, d).
        text: Maps the queries; None: they stay.
        image: Maps all photos.
    """
    queries, targets = uses.text_vectors, np.concatenate([uses.images, images])
    if text is not None and image is not None:
        queries, targets = text.apply(queries), image.apply(targets)
    return rank(queries, targets, uses.right_answers()).ranks


def part_of(pairs: EmbeddedPairs, images: IntArray) -> EmbeddedPairs:
    """Return the pairs of some pictures, by their places in order; texts of others alone are left out."""
    kept = pairs.pairs[np.isin(pairs.pairs[:, 1], images)]
    texts = np.unique(kept[:, 0])
    moved = np.stack([np.searchsorted(texts, kept[:, 0]), np.searchsorted(images, kept[:, 1])], axis=1)
    return EmbeddedPairs(
        pairs.image_ids[images],
        pairs.images[images],
        pairs.text_ids[texts],
        tuple(pairs.texts[place] for place in texts),
        pairs.text_vectors[texts],
        moved,
    )


def _parts(pairs: EmbeddedPairs, seed: int) -> Sequence[IntArray]:
    photos = np.random.default_rng(seed).permutation(np.unique(pairs.pairs[:, 1]))[:_MOST_PHOTOS]
    return [np.sort(part) for part in np.array_split(photos, _FOLDS)]


def _recall(pairs: EmbeddedPairs, text: Projection, image: Projection) -> tuple[float, float]:
    adapted = adapted_pairs(pairs, text, image)
    recall = recall_of(rank(adapted.text_vectors, adapted.images, adapted.images_of_texts()).ranks)
    return recall.r10, recall.mean_recall
