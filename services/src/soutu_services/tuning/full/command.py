"""``soutu-tune fit --depth full``."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from soutu_services.embedding.registry import ModelSpec
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.command_line import say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.curve_picture import draw_progress
from soutu_services.tuning.fit_report import (
    CURVES_NAME,
    comparison,
    comparison_table,
    conclude,
    peak_mib,
    tell_step,
    write_summary,
)
from soutu_services.tuning.fit_state import check_room_for_fit
from soutu_services.tuning.full.arguments import FullOptions
from soutu_services.tuning.full.fit import FullFitted, FullReporter, FullRequest, fit_full
from soutu_services.tuning.full.progress import FullEpoch
from soutu_services.tuning.held_out import open_splits
from soutu_services.tuning.library_commands import shown_progress, telling_flaws
from soutu_services.tuning.trained_model import model_spec

__all__ = ["run_full"]

_REACHED = Text(zh="训练中留出的数据上 · 一批之中认对的", en="on pairs held back from training · told apart in a batch")


def run_full(data: Path, *, train: str, valid: str, model: str, output: Path, name: str, given: Mapping[str, Any]) -> None:
    """Let cn_clip fit all weights; print what was reached, and write the checkpoint with its curves.

    Raises:
        SoutuError: see ``fit_full``.
        OSError: a file cannot be read or written.
    """
    if ModelSpec.parse(model).kind != "clip":
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh=f"{model} 不能整个训练：请给出 Chinese-CLIP 模型，如 --model clip:ViT-B-16",
            en=f"{model} cannot be trained as a whole: name a Chinese-CLIP model, for instance --model clip:ViT-B-16",
        )
    check_room_for_fit(output, train, valid)
    begin = time.monotonic()
    settings = load_settings(EmbeddingSettings)
    options = FullOptions(**given)
    datasets = open_splits(data, train, valid, settings)
    request = FullRequest(
        name=name or output.resolve().name,
        base=model,
        train=datasets[0],
        valid=datasets[1],
        options=options,
    )
    output = output.resolve()  # cn_clip's program is given paths
    output.mkdir(parents=True, exist_ok=True)

    def keep(fitted: FullFitted) -> None:
        figures = {
            "model": fitted.manifest.model_dump(),
            "options": asdict(options),
            "epochs": [asdict(epoch) for epoch in fitted.epochs],
            "best": fitted.best,
            "seconds": round(time.monotonic() - begin, 1),
            "peak_mib": peak_mib(),
        }
        write_summary(figures | comparison(fitted.before, fitted.after, fitted.rise), output)

    with telling_flaws() as flaws, shown_progress(Text(zh="照片", en="photos")) as (progress, task):
        reporter = FullReporter(
            on_pictures=lambda pictures: progress.update(task, completed=pictures),
            on_command=lambda command: say(Text(zh=f"运行：{shlex.join(command)}", en=f"running: {shlex.join(command)}")),
            on_step=lambda step, steps: progress.update(task, completed=step, total=steps or None),
            on_epoch=lambda epochs: _tell_epoch(epochs, output),
        )
        fitted = fit_full(request, output, settings, flaws, reporter=reporter, on_fitted=keep)
    Console(soft_wrap=True).print(comparison_table(fitted.before, fitted.after, fitted.rise))
    conclude(fitted.rise["mean_recall"], model, model_spec(output, fitted.manifest.architecture), output)


def _tell_epoch(epochs: Sequence[FullEpoch], output: Path) -> None:
    draw_progress(
        {
            "training": [(epoch.number, epoch.loss) for epoch in epochs if epoch.loss is not None],
            "held back": [(epoch.number, epoch.held_loss) for epoch in epochs],
        },
        "told apart in a batch of pairs held back",
        {"share": [(epoch.number, epoch.accuracy) for epoch in epochs]},
        output / CURVES_NAME,
    )
    tell_step(_REACHED, epochs[-1].number, epochs[-1].accuracy)
