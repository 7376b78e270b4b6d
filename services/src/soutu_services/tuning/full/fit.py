"""A full fit: prepare, check, let cn_clip train, and measure its best epoch as the embedding service loads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from soutu_services.embedding.chinese_clip.encoder import Checkpoint, find_checkpoint
from soutu_services.embedding.chinese_clip.torch_model import official_architecture, official_models, official_towers
from soutu_services.embedding.registry import ModelSpec
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Overloaded
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.fit_state import FitFolder
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.full.arguments import FullOptions, TrainingPlan, launch_command, training_arguments
from soutu_services.tuning.full.checkpoints import newest_checkpoint, parameters, starting_checkpoint, write_model_alone
from soutu_services.tuning.full.launch import run_training
from soutu_services.tuning.full.machine import check_arguments, gpus, obstacles
from soutu_services.tuning.full.progress import FullEpoch, FullProgress, best_epoch
from soutu_services.tuning.full.training_data import prepare_training_data
from soutu_services.tuning.held_out import measured
from soutu_services.tuning.recall_rise import recall_rise
from soutu_services.tuning.retrieval import Estimate
from soutu_services.tuning.trained_model import CHECKPOINT_NAME, ModelManifest, model_spec, write_model
from soutu_services.tuning.vector_cache import fingerprint

__all__ = ["FullFitted", "FullReporter", "FullRequest", "fit_full"]

_LOG_NAME = "training.log"
_BYTES_A_PARAMETER = 4 * 3 * 4
"""Four checkpoints at once: the best, the last, and two that are being written, each with the two moments of AdamW, in fp32."""


@dataclass(frozen=True, slots=True)
class FullRequest:
    """What to fit; see ``LowRankRequest``."""

    name: str
    base: str
    train: Dataset
    valid: Dataset
    options: FullOptions


@dataclass(frozen=True, slots=True)
class FullReporter:
    """Who is told: pictures that are read; the command that is run; how far it is; the epochs so far."""

    on_pictures: Callable[[int], None]
    on_command: Callable[[Sequence[str]], None]
    on_step: Callable[[int, int], None]
    on_epoch: Callable[[Sequence[FullEpoch]], None]


@dataclass(frozen=True, slots=True)
class FullFitted:
    """What a fit came to; see ``LowRankFitted``."""

    manifest: ModelManifest
    epochs: Sequence[FullEpoch]
    best: int
    before: Evaluation
    after: Evaluation
    rise: Mapping[str, Estimate]


def fit_full(
    request: FullRequest,
    folder: Path,
    settings: EmbeddingSettings,
    flaws: Flaws,
    *,
    reporter: FullReporter,
    on_fitted: Callable[[FullFitted], None],
) -> FullFitted:
    """Fit all weights into a folder, or go on with a fit that was stopped there.

    Without CUDA everything is done up to the launch.

    Args:
        request: What to fit.
        folder: Where the checkpoint goes.
        settings: Threads, limits and where weights come from.
        flaws: Takes what is wrong with single items.
        reporter: Who is told.
        on_fitted: Told the result before the state that a stopped fit goes on from is removed.

    Raises:
        FailedPrecondition: the program cannot be run here, or it failed.
        SoutuError: the model or the data cannot be used, or memory or the disk does not suffice; what was done is kept.
        OSError: a file cannot be written.
    """
    checkpoint = _official(request.base, settings)
    card, before = measured(request.base, request.name, request.valid, settings=settings, folder=folder, flaws=flaws)
    marks = [fingerprint(dataset, card.space_id) for dataset in (request.train, request.valid)]
    how = asdict(request.options) | {"chunk": None, "workers": None}  # these may change from run to run
    state = FitFolder(folder, json.dumps(["full", request.base, card.space_id, marks, how]))
    data = prepare_training_data(
        request.train,
        state.path / "data",
        side=card.input_size,
        limits=settings.image_limits,
        flaws=flaws,
        threads=settings.cpu_threads,
        seed=request.options.seed,
        on_progress=reporter.on_pictures,
    )
    image_tower, text_tower = official_towers(checkpoint.architecture_name)
    plan = TrainingPlan(
        train=state.path / "data" / "train",
        held=state.path / "data" / "held",
        pairs=data.pairs,
        held_pairs=data.held_pairs,
        image_tower=image_tower,
        text_tower=text_tower,
        start=checkpoint.path,
        goes_on=False,
        logs=state.path / "logs",
        gpus=max(1, gpus()),
    )
    _train(request, folder, state.path, plan, reporter)
    progress = FullProgress.kept(state.path / "epochs.json", request.options.epochs)
    best = best_epoch(progress.epochs)
    write_model_alone(plan.checkpoints / f"epoch{best}.pt", folder / CHECKPOINT_NAME, request.name)
    new_card, after = measured(
        model_spec(folder, checkpoint.architecture_name),
        request.name,
        request.valid,
        settings=settings,
        folder=folder,
        flaws=Flaws(),
    )
    rise = recall_rise(before, after)
    manifest = ModelManifest(
        depth="full",
        name=request.name,
        base=request.base,
        base_space_id=card.space_id,
        space_id=new_card.space_id,
        dimension=card.dimension,
        architecture=checkpoint.architecture_name,
        images_frozen=request.options.freeze_images,
        rise=rise["mean_recall"].value,
    )
    write_model(folder, manifest)
    fitted = FullFitted(manifest, progress.epochs, best, before, after, rise)
    on_fitted(fitted)
    state.remove()
    return fitted


def _official(base: str, settings: EmbeddingSettings) -> Checkpoint:
    """Find a checkpoint of an official architecture: cn_clip's training program knows no other."""
    spec = ModelSpec.parse(base)
    checkpoint = find_checkpoint(spec.source, architecture=spec.architecture, weights=settings.weights)
    if official_architecture(checkpoint.architecture_name) != checkpoint.architecture:
        names, given = ", ".join(official_models()), checkpoint.architecture_name
        raise InvalidInput(
            "ARCHITECTURE_NOT_OFFICIAL",
            zh=f"cn_clip 的训练程序只认官方结构（{names}），不认 {given}：请用 --depth low-rank",
            en=f"cn_clip's training program knows the official architectures alone ({names}), not {given}: "
            "choose --depth low-rank",
        )
    return checkpoint


def _train(request: FullRequest, folder: Path, state: Path, plan: TrainingPlan, reporter: FullReporter) -> None:
    """Run cn_clip's program from the last complete epoch on, unless it has been run to the end."""
    options, kept = request.options, state / "epochs.json"
    newest = newest_checkpoint(plan.checkpoints)
    progress = FullProgress.kept(kept, newest[1] if newest else 0)
    if progress.epochs and (progress.saved >= options.epochs or progress.saved - best_epoch(progress.epochs) >= options.patience):
        return
    start = newest[0] if newest else starting_checkpoint(plan.start, state / "base.pt")
    plan = replace(plan, start=start, goes_on=newest is not None)
    arguments = training_arguments(plan, options)
    check_arguments(arguments)
    _see_that_checkpoints_fit(folder, parameters(start))
    command = [*launch_command(plan.gpus), *arguments]
    reporter.on_command(command)
    missing = obstacles()
    if missing:
        raise FailedPrecondition(
            "CANNOT_TRAIN_HERE",
            zh=f"都准备好了，但这里不能训练：{'；'.join(one.zh for one in missing)}。在能训练的机器上再运行同一条 soutu-tune fit",
            en=f"all is ready, but it cannot be trained here: {'; '.join(one.en for one in missing)}. Run the same soutu-tune "
            "fit on a machine that can",
        )

    def epoch_done() -> None:
        progress.keep(kept)
        reporter.on_epoch(progress.epochs)

    run_training(
        command,
        progress=progress,
        checkpoints=plan.checkpoints,
        log=folder / _LOG_NAME,
        patience=options.patience,
        chunk=options.chunk,
        on_line=lambda: reporter.on_step(*progress.step),
        on_epoch=epoch_done,
    )


def _see_that_checkpoints_fit(folder: Path, count: int) -> None:
    free, needed = shutil.disk_usage(folder).free, count * _BYTES_A_PARAMETER
    if free < needed:
        raise Overloaded(
            "DISK_FULL",
            zh=f"{folder} 所在的磁盘只剩 {free >> 20} MiB，训练时的检查点要 {needed >> 20} MiB：请先腾出空间，"
            "或用 --output 换一个磁盘",
            en=f"the disk of {folder} has {free >> 20} MiB left, and the checkpoints of the training take {needed >> 20} MiB: "
            "make room first, or name another disk with --output",
        )
