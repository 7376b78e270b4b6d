"""Fitting an adapter: choose how, train, measure on pairs that training never saw, and write it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soutu_services.embedding.adapter_folder import Adapter, AdapterManifest, adapter_space, write_adapter
from soutu_services.embedding.encoder import ModelCard
from soutu_services.embedding.projection import Projection
from soutu_services.runtime.errors import InvalidInput
from soutu_services.tuning.adapter_selection import CANDIDATES, Trial, adapted_pairs, try_candidate, use_ranks
from soutu_services.tuning.adapter_training import AdapterTraining, TrainingOptions
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.evaluation import RESAMPLES, SEED, Evaluation, evaluate
from soutu_services.tuning.fit_state import FitState
from soutu_services.tuning.recall_rise import hits, recall_rise
from soutu_services.tuning.retrieval import Estimate, FloatArray, paired_difference
from soutu_services.tuning.use_vectors import UseVectors

__all__ = ["FitRequest", "Fitted", "UseRise", "fit_adapter"]

_LEAST_PHOTOS = 30
"""Of fewer, no part says anything of another."""
_LEAST_QUERIES, _ONE_OF_QUERIES = 25, 5


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What to fit.

    Attributes:
        name: Name of the new model, for people.
        base: The model, as the embedding service names it.
        card: The model's card.
        train: Pairs to train on.
        valid: Pairs to measure on.
        split: Name of the latter.
        fingerprint: Of both data sets.
        candidates: Ways of training to choose among.
        most_epochs: Of each.
        uses: What people did with what they found, to train on as well, with photos that are not measured on. Of enough
            queries, some are kept back to measure on.
    """

    name: str
    base: str
    card: ModelCard
    train: EmbeddedPairs
    valid: EmbeddedPairs
    split: str
    fingerprint: str
    candidates: Sequence[TrainingOptions] = CANDIDATES
    most_epochs: int = 25
    uses: UseVectors | None = None


@dataclass(frozen=True, slots=True)
class UseRise:
    """How many queries from use were kept back, mean recall of the photos that they mean before and after, and how it rose.

    People could open only what was found before: this flatters the untrained model, and a fall of it need be no loss.
    """

    queries: int
    before: float
    after: float
    rise: Estimate


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit came to.

    Attributes:
        adapter: The adapter; it has been written.
        trials: What each candidate reached on parts of the training data.
        chosen: The trial that was followed.
        losses: Of the last training's epochs.
        before: The model on the held-out pairs.
        after: The model with the adapter on them.
        rise: How much recall rose there from text to photo, by name, with intervals that compare each query with itself.
        use_rise: The same of queries from use that training did not see; None: there were too few to keep any back.
    """

    adapter: Adapter
    trials: Sequence[Trial]
    chosen: Trial
    losses: Sequence[float]
    before: Evaluation
    after: Evaluation
    rise: Mapping[str, Estimate]
    use_rise: UseRise | None = None


def fit_adapter(
    request: FitRequest,
    folder: Path,
    *,
    on_step: Callable[[str, int, float], None] = lambda *_: None,
    on_fitted: Callable[[Fitted], None] = lambda _: None,
) -> Fitted:
    """Fit an adapter into a folder, or go on with a fit that was stopped there.

    Args:
        request: What to fit.
        folder: Where the adapter goes.
        on_step: Told what is done (``trial 2/3``, ``training``), the epoch, and its mean recall or its loss.
        on_fitted: Told the result before the state that a stopped fit goes on from is removed.

    Raises:
        InvalidInput: there are too few photos to train on.
        FailedPrecondition: the folder holds the state of another fit.
        OSError: a file cannot be written.
    """
    photos = len(np.unique(request.train.pairs[:, 1]))
    if photos < _LEAST_PHOTOS:
        raise InvalidInput(
            "TOO_FEW_PHOTOS",
            zh=f"只有 {photos} 张有文字的照片可以训练，至少要 {_LEAST_PHOTOS} 张：先给更多照片写说明",
            en=f"there are {photos} photos with texts to train on, and {_LEAST_PHOTOS} are needed: write captions for more",
        )
    # What people did with a photo that is measured on would be an answer to the measurement.
    apart = None if request.uses is None else request.uses.apart_from(request.valid.images)
    uses, kept_back = _kept_back(apart)
    state = FitState(folder, f"{request.base} {request.card.space_id} {request.card.dimension} {request.fingerprint}")
    trials = state.trials()
    for number in range(len(trials), len(request.candidates)):
        label = f"trial {number + 1}/{len(request.candidates)}"
        trials.append(
            try_candidate(
                request.train,
                request.candidates[number],
                most_epochs=request.most_epochs,
                uses=uses,
                on_epoch=lambda epoch, reached, label=label: on_step(label, epoch, reached.mean_recall),  # type: ignore[misc]
            )
        )
        state.save_trials(trials)
    chosen = max(trials, key=lambda trial: trial.epochs[trial.best].mean_recall)
    training = AdapterTraining(request.card.dimension, chosen.options)
    losses = state.load_training(training)
    while training.epoch < chosen.best:
        losses.append(training.run_epoch(request.train, uses))
        state.save_training(training, losses)
        on_step("training", training.epoch, losses[-1])
    text, image = training.projections()
    before, after = (
        evaluate(request.card, request.name, request.split, pairs, [])
        for pairs in (request.valid, adapted_pairs(request.valid, text, image))
    )
    rise = recall_rise(before, after)
    manifest = AdapterManifest(
        name=request.name,
        base=request.base,
        base_space_id=request.card.space_id,
        space_id=adapter_space(request.card.space_id, text=text, image=image),
        dimension=request.card.dimension,
        rise=rise["mean_recall"].value,
    )
    adapter = Adapter(manifest, text=text, image=image)
    write_adapter(folder, adapter)
    use_rise = None if kept_back is None else _use_rise(kept_back, request.valid.images, text, image)
    fitted = Fitted(adapter, trials, chosen, losses, before, after, rise, use_rise)
    on_fitted(fitted)
    state.remove()
    return fitted


def _kept_back(uses: UseVectors | None) -> tuple[UseVectors | None, UseVectors | None]:
    """Return the queries to train on, and those to measure on: which is which, each query's own words say, in every fit."""
    if uses is None or len(uses.answered) < _LEAST_QUERIES:
        return uses, None
    by_words = sorted(uses.answered.tolist(), key=lambda place: hashlib.sha256(uses.texts[place].encode()).digest())
    back = np.sort(np.array(by_words[: len(by_words) // _ONE_OF_QUERIES], np.int64))
    return uses.of_queries(np.setdiff1d(np.arange(len(uses.texts)), back)), uses.of_queries(back)


def _use_rise(uses: UseVectors, images: FloatArray, text: Projection, image: Projection) -> UseRise:
    before, after = (hits(use_ranks(uses, images, *towers))[-1] for towers in ((), (text, image)))
    groups = np.arange(len(before))
    rise = paired_difference(before, after, groups, resamples=RESAMPLES, seed=SEED)
    return UseRise(len(before), float(before.mean()), float(after.mean()), rise)
