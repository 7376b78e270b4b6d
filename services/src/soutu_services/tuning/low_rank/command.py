"""``soutu-tune fit --depth low-rank``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from soutu_services.embedding.registry import ModelSpec
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.adapter_selection import Epoch
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
from soutu_services.tuning.held_out import open_splits
from soutu_services.tuning.library_commands import shown_progress, telling_flaws
from soutu_services.tuning.low_rank.fit import LowRankFitted, LowRankProgress, LowRankRequest, fit_low_rank
from soutu_services.tuning.low_rank.options import CHUNK, LowRankOptions
from soutu_services.tuning.trained_model import model_spec

__all__ = ["run_low_rank"]

_REACHED = Text(zh="训练中留出的照片上 · 平均召回", en="on photos held back from training · mean recall")


def run_low_rank(data: Path, *, train: str, valid: str, model: str, output: Path, name: str, given: Mapping[str, Any]) -> None:
    """Fit both towers; print what was reached, and write the checkpoint with its curves.

    Raises:
        SoutuError: a data set or the model cannot be used, or the folder holds another fit.
        OSError: a file cannot be read or written.
    """
    if ModelSpec.parse(model).kind != "clip":
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh=f"{model} 的两个塔不能训练：请给出 Chinese-CLIP 模型，如 --model clip:ViT-B-16（lite 和 onnx 用 --depth adapter）",
            en=f"the towers of {model} cannot be trained: name a Chinese-CLIP model, for instance --model clip:ViT-B-16 "
            "(for lite and onnx there is --depth adapter)",
        )
    check_room_for_fit(output, train, valid)
    begin = time.monotonic()
    chunk, precision = given.get("chunk", CHUNK), given.get("precision")
    options = LowRankOptions(**{option: value for option, value in given.items() if option in LowRankOptions.__match_args__})
    settings = load_settings(EmbeddingSettings, **({"device": given["device"]} if "device" in given else {}))
    datasets = open_splits(data, train, valid, settings)
    request = LowRankRequest(
        name=name or output.resolve().name,
        base=model,
        train=datasets[0],
        valid=datasets[1],
        options=options,
        precision=precision,
        chunk=chunk,
    )
    output.mkdir(parents=True, exist_ok=True)

    def keep(fitted: LowRankFitted) -> None:
        figures = {
            "model": fitted.manifest.model_dump(),
            "options": asdict(options) | {"chunk": chunk, "precision": precision},
            "epochs": [asdict(epoch) for epoch in fitted.epochs],
            "best": fitted.best,
            "seconds": round(time.monotonic() - begin, 1),
            "peak_mib": peak_mib(),
            "device_peak_mib": fitted.device_mib,
        }
        write_summary(figures | comparison(fitted.before, fitted.after, fitted.rise), output)

    with telling_flaws() as flaws, shown_progress(Text(zh="读取照片", en="photos")) as (progress, task):

        def tell_epoch(epochs: Sequence[Epoch]) -> None:
            draw_progress(
                {"training": [(number, epoch.loss) for number, epoch in enumerate(epochs) if number]},
                "recall on photos that were held back",
                {
                    "mean recall": [(number, epoch.mean_recall) for number, epoch in enumerate(epochs)],
                    "R@10": [(number, epoch.r10) for number, epoch in enumerate(epochs)],
                },
                output / CURVES_NAME,
            )
            tell_step(_REACHED, len(epochs) - 1, epochs[-1].mean_recall)

        fitted = fit_low_rank(
            request,
            output,
            settings,
            flaws,
            progress=LowRankProgress(
                on_pictures=lambda pictures: progress.update(task, completed=pictures),
                on_step=lambda epoch, step, steps: progress.update(
                    task, description=f"{epoch}/{options.epochs}", completed=step, total=steps
                ),
                on_epoch=tell_epoch,
            ),
            on_fitted=keep,
        )
    Console(soft_wrap=True).print(comparison_table(fitted.before, fitted.after, fitted.rise))
    conclude(fitted.rise["mean_recall"], model, model_spec(output, fitted.manifest.architecture), output)
