"""Fitting both towers: train, put the updates into the weights, and measure the checkpoint as the embedding service loads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from soutu_services.embedding.chinese_clip.encoder import find_checkpoint
from soutu_services.embedding.chinese_clip.torch_model import official_architecture, vocabulary_path
from soutu_services.embedding.registry import ModelSpec
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.tuning.adapter_selection import Epoch
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.fit_state import FitFolder
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.held_out import measured
from soutu_services.tuning.low_rank.network import LowRankNetwork
from soutu_services.tuning.low_rank.options import CHUNK, LowRankOptions, Precision
from soutu_services.tuning.low_rank.pairs import prepare_inputs
from soutu_services.tuning.low_rank.training import LowRankTraining
from soutu_services.tuning.recall_rise import recall_rise
from soutu_services.tuning.retrieval import Estimate
from soutu_services.tuning.trained_model import CHECKPOINT_NAME, ModelManifest, model_spec, write_architecture, write_model
from soutu_services.tuning.vector_cache import fingerprint

__all__ = ["LowRankFitted", "LowRankProgress", "LowRankRequest", "fit_low_rank"]


@dataclass(frozen=True, slots=True)
class LowRankRequest:
    """What to fit.

    Attributes:
        name: Name of the new model, for people.
        base: The model, as the embedding service names it.
        train: Pairs to train on.
        valid: Pairs to measure on.
        options: How.
        precision: What is computed in; None: what suits the device.
        chunk: Most texts or pictures with gradients at once; it and the precision may change when a fit is gone on with.
    """

    name: str
    base: str
    train: Dataset
    valid: Dataset
    options: LowRankOptions
    precision: Precision | None = None
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True)
class LowRankProgress:
    """Who is told how far a fit is: pictures that are read; epoch, steps of it and how many it has; and the epochs so far."""

    on_pictures: Callable[[int], None] = lambda _: None
    on_step: Callable[[int, int, int], None] = lambda *_: None
    on_epoch: Callable[[Sequence[Epoch]], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class LowRankFitted:
    """What a fit came to.

    Attributes:
        manifest: The model; it has been written.
        epochs: What training reached on the part of its data that was held back, from before it on.
        best: The number of epochs that were taken.
        device_mib: Most memory of the GPU; 0: there was none.
        before: The model on the held-out pairs.
        after: The new one on them.
        rise: How much recall rose there from text to photo, by name.
    """

    manifest: ModelManifest
    epochs: Sequence[Epoch]
    best: int
    device_mib: int
    before: Evaluation
    after: Evaluation
    rise: Mapping[str, Estimate]


def fit_low_rank(
    request: LowRankRequest,
    folder: Path,
    settings: EmbeddingSettings,
    flaws: Flaws,
    *,
    progress: LowRankProgress,
    on_fitted: Callable[[LowRankFitted], None] = lambda _: None,
) -> LowRankFitted:
    """Fit both towers into a folder, or go on with a fit that was stopped there.

    Args:
        request: What to fit.
        folder: Where the checkpoint goes.
        settings: Device, threads, limits and where weights come from.
        flaws: Takes what is wrong with single items.
        progress: Who is told.
        on_fitted: Told the result before the state that a stopped fit goes on from is removed.

    Raises:
        SoutuError: the model or the data cannot be used, or memory or the disk does not suffice; what was done is kept.
        OSError: a file cannot be written.
    """
    spec = ModelSpec.parse(request.base)
    checkpoint = find_checkpoint(spec.source, architecture=spec.architecture, weights=settings.weights)
    card, before = measured(request.base, request.name, request.valid, settings=settings, folder=folder, flaws=flaws)
    marks = [fingerprint(dataset, card.space_id) for dataset in (request.train, request.valid)]
    state = FitFolder(folder, json.dumps(["low-rank", request.base, card.space_id, marks, asdict(request.options)]))
    inputs = prepare_inputs(
        request.train,
        state.path / "pictures.u8",
        side=card.input_size,
        vocabulary=vocabulary_path(),
        limits=settings.image_limits,
        flaws=flaws,
        threads=settings.cpu_threads,
        on_progress=progress.on_pictures,
    )
    network = LowRankNetwork.load(
        checkpoint, request.options, device=settings.device, precision=request.precision, chunk=request.chunk
    )
    training = LowRankTraining(network, inputs, state.path)
    training.run(on_step=progress.on_step, on_epoch=progress.on_epoch)
    epochs, best, device_mib = training.epochs, training.best, network.device_mib
    network.write_checkpoint(folder / CHECKPOINT_NAME, request.name)
    del training, network
    is_official = official_architecture(checkpoint.architecture_name) == checkpoint.architecture
    architecture = checkpoint.architecture_name if is_official else None
    if architecture is None:
        write_architecture(folder, checkpoint.architecture)
    new_card, after = measured(
        model_spec(folder, architecture), request.name, request.valid, settings=settings, folder=folder, flaws=Flaws()
    )
    rise = recall_rise(before, after)
    manifest = ModelManifest(
        depth="low-rank",
        name=request.name,
        base=request.base,
        base_space_id=card.space_id,
        space_id=new_card.space_id,
        dimension=card.dimension,
        architecture=architecture,
        images_frozen=request.options.freeze_images,
        rise=rise["mean_recall"].value,
    )
    write_model(folder, manifest)
    fitted = LowRankFitted(manifest, epochs, best, device_mib, before, after, rise)
    on_fitted(fitted)
    state.remove()
    return fitted
