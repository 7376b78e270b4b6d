"""Arguments of cn_clip's training program (``cn_clip/training/params.py``, 1.6.0)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FullOptions", "TrainingPlan", "launch_command", "training_arguments"]

_RUN_NAME = "fit"
_MOST_WORKERS = 4
_VALID_BATCH = 64
_WARM_UP_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class FullOptions:
    """How all weights are trained.

    Attributes:
        epochs: Most of them.
        batch: Pairs told apart in one step.
        chunk: Pairs with gradients at once on one GPU: cn_clip's batch size; ``accum_freq`` makes up the rest.
        rate: Learning rate at its highest.
        decay: Weight decay.
        patience: Epochs without a better one after which it is stopped.
        freeze_images: Train the text tower alone.
        workers: Processes that read the data; None: by the processors.
        seed: Of the order of the data.
    """

    epochs: int = 10
    batch: int = 128
    chunk: int = 32
    rate: float = 2e-5
    decay: float = 0.001
    patience: int = 3
    freeze_images: bool = False
    workers: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is trained where.

    Attributes:
        train: LMDB of the pairs to train on.
        held: LMDB of pairs that were held back from them.
        pairs: How many the former has.
        held_pairs: How many the latter has.
        image_tower: Name of cn_clip's configuration.
        text_tower: The same.
        start: The checkpoint to begin with, or to go on from.
        goes_on: It is one of this training.
        logs: Where cn_clip puts its checkpoints.
        gpus: How many there are.
    """

    train: Path
    held: Path
    pairs: int
    held_pairs: int
    image_tower: str
    text_tower: str
    start: Path
    goes_on: bool
    logs: Path
    gpus: int

    @property
    def checkpoints(self) -> Path:
        """Folder of cn_clip's checkpoints."""
        return self.logs / _RUN_NAME / "checkpoints"


def training_arguments(plan: TrainingPlan, options: FullOptions) -> list[str]:
    """Fill in cn_clip's arguments.

    The base is given as what to resume from, without its optimizer and its place in the data, as cn_clip's own scripts do it.
    Checkpoints are kept by epochs alone: one that was kept within an epoch says that it is complete, and the rest of it would be
    left out.
    """
    at_once = options.chunk * plan.gpus
    batches = -(-plan.pairs // at_once)  # cn_clip fills the last one up
    accumulated = max(1, min(round(options.batch / at_once), batches))
    steps = batches // accumulated
    workers = min(_MOST_WORKERS, os.cpu_count() or 1) if options.workers is None else options.workers
    values: dict[str, object] = {
        "train-data": plan.train,
        "val-data": plan.held,
        "num-workers": workers,
        "valid-num-workers": min(1, workers),
        "resume": plan.start,
        "logs": plan.logs,
        "name": _RUN_NAME,
        "vision-model": plan.image_tower,
        "text-model": plan.text_tower,
        "context-length": 52,
        "max-epochs": options.epochs,
        "batch-size": options.chunk,
        "accum-freq": accumulated,
        "valid-batch-size": min(_VALID_BATCH, plan.held_pairs),  # it repeats pairs to fill a batch up
        "valid-epoch-interval": 1,
        "save-epoch-frequency": 1,
        "log-interval": max(1, min(10, steps)),
        "lr": options.rate,
        "wd": options.decay,
        "warmup": max(1, round(_WARM_UP_SHARE * steps * options.epochs)),
        "precision": "amp",
        "seed": options.seed,
    }
    flags = ["--grad-checkpointing", "--report-training-batch-acc"]
    flags += [] if plan.goes_on else ["--reset-data-offset", "--reset-optimizer"]
    flags += ["--freeze-vision"] if options.freeze_images else []
    return [f"--{name}={value}" for name, value in values.items()] + flags


def launch_command(gpus: int) -> list[str]:
    """Return the beginning of the command, which the arguments follow."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={gpus}"]
    return [*run, "-m", "soutu_services.tuning.full.program"]
