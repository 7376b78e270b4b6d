"""``soutu-tune fit`` and ``soutu-tune adopt``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from soutu_services.embedding.adapter_folder import read_adapter
from soutu_services.embedding.registry import ModelSpec, load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.blas import use_one_blas_thread
from soutu_services.runtime.command_line import say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.adapter_fit import FitRequest, Fitted, UseRise, fit_adapter
from soutu_services.tuning.adoption import adopt, adopt_model
from soutu_services.tuning.curve_picture import draw_curves
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
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.held_out import open_splits
from soutu_services.tuning.library_commands import connected, shown_progress, tell_flaws
from soutu_services.tuning.trained_model import MODEL_NAME, read_model
from soutu_services.tuning.use_commands import vectors_of_record
from soutu_services.tuning.vector_cache import cached_pairs, fingerprint

__all__ = ["run_adopt", "run_fit"]

_CACHE = "vectors"
_TOWERS = frozenset({"freeze_images", "epochs", "batch", "chunk", "rate"})
_OPTIONS = {
    "adapter": frozenset({"use", "use_strength", "address"}),
    "low-rank": _TOWERS | {"rank", "device", "precision"},
    "full": _TOWERS,
}


def run_fit(
    data: Path, *, train: str, valid: str, model: str, output: Path, name: str, depth: str, options: Mapping[str, Any]
) -> None:
    """Fit at a depth; print what it reached, write it with its curves.

    Raises:
        SoutuError: a data set or the model cannot be used, or the folder holds another fit.
        OSError: a file cannot be read or written.
    """
    where: dict[str, Any] = {"train": train, "valid": valid, "model": model, "output": output, "name": name}
    strange = [f"--{option.replace('_', '-')}" for option in options if option not in _OPTIONS[depth]]
    if strange:
        raise InvalidInput(
            "OPTION_OF_ANOTHER_DEPTH",
            zh=f"--depth {depth} 没有选项 {'、'.join(strange)}",
            en=f"--depth {depth} has no option {', '.join(strange)}",
        )
    if depth == "adapter":
        _run_adapter(data, **where, **options)
    elif depth == "low-rank":
        from soutu_services.tuning.low_rank.command import run_low_rank  # noqa: PLC0415 - torch and peft

        run_low_rank(data, **where, given=options)
    else:
        from soutu_services.tuning.full.command import run_full  # noqa: PLC0415 - torch

        run_full(data, **where, given=options)


def _run_adapter(
    data: Path,
    *,
    train: str,
    valid: str,
    model: str,
    output: Path,
    name: str,
    use: Sequence[Path] = (),
    use_strength: float = 1.0,
    address: str | None = None,
) -> None:
    if ModelSpec.parse(model).kind == "adapter":
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh="适配层要在模型上训练，不能在另一个适配层上：请给出它的模型",
            en="an adapter is trained on a model, not on another adapter: name that model",
        )
    check_room_for_fit(output, train, valid)
    begin = time.monotonic()
    use_one_blas_thread()
    settings = load_settings(EmbeddingSettings)
    datasets = open_splits(data, train, valid, settings)
    output.mkdir(parents=True, exist_ok=True)
    flaws = Flaws()
    encoder = load_encoder(model, settings)
    try:
        card = encoder.card
        with shown_progress(Text(zh="读取照片和文字", en="photos and texts")) as (progress, task):
            pairs = [
                cached_pairs(
                    dataset,
                    encoder,
                    output / _CACHE,
                    flaws,
                    threads=settings.cpu_threads,
                    on_progress=lambda photos, texts: progress.update(task, completed=photos + texts),
                )
                for dataset in datasets
            ]
        uses = vectors_of_record(use, use_strength, encoder, flaws, address=address)
    finally:
        encoder.close()
        tell_flaws(flaws)  # where it ends here, they may be why
    marks = [fingerprint(dataset, card.space_id) for dataset in datasets]
    if uses is not None:
        marks.append(uses.digest())
    request = FitRequest(
        name=name or output.resolve().name,
        base=model,
        card=card,
        train=pairs[0],
        valid=pairs[1],
        split=valid,
        fingerprint=" ".join(marks),
        uses=uses,
    )

    def keep(fitted: Fitted) -> None:
        draw_curves(fitted.trials, fitted.chosen, fitted.losses, output / CURVES_NAME)
        summary = _summary(fitted) | {"seconds": round(time.monotonic() - begin, 1), "peak_mib": peak_mib()}
        write_summary(summary, output)

    fitted = fit_adapter(request, output, on_step=_tell_step, on_fitted=keep)
    Console(soft_wrap=True).print(comparison_table(fitted.before, fitted.after, fitted.rise))
    if fitted.use_rise is not None:
        _tell_use(fitted.use_rise)
    conclude(fitted.rise["mean_recall"], model, f"adapter:{output.resolve()}", output)


def run_adopt(folder: Path, *, anyway: bool, address: str | None) -> None:
    """Take an adapter, or a fine-tuned model, over in the running library.

    Raises:
        SoutuError: see ``adopt``.
    """
    name: str
    taken: int | None
    adapter = None if (folder / MODEL_NAME).is_file() else read_adapter(folder)
    with connected(address) as library, shown_progress(Text(zh="向量", en="vectors")) as (progress, task):

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if adapter is not None:
            name, taken = adapter.manifest.name, adopt(library, adapter, anyway=anyway, on_progress=show)
        else:
            manifest = read_model(folder)
            name, taken = manifest.name, adopt_model(library, manifest, anyway=anyway, on_progress=show)
    if taken is None:
        say(
            Text(
                zh=f"正在用 {name} 处理所有照片，全部完成后自动换过去；进度：soutu status。想换回去：soutu reindex --back",
                en=f"{name} embeds all photos now, and serves by itself once that is complete; see soutu status. "
                "The way back: soutu reindex --back",
            )
        )
        return
    say(
        Text(
            zh=f"已换用 {name}：{taken} 个向量由已有的向量算出，没有重读照片。想换回去：soutu reindex --back",
            en=f"{name} serves now: {taken} vectors were made of those that were there, and no photo was read. "
            "The way back: soutu reindex --back",
        )
    )


def _tell_step(what: str, epoch: int, value: float) -> None:
    number = what.removeprefix("trial ")
    told = Text(zh="在全部训练数据上 · 损失", en="on all training data · loss")
    if number != what:
        told = Text(zh=f"第 {number} 种选项 · 平均召回", en=f"options {number} · mean recall")
    tell_step(told, epoch, value)


def _tell_use(use: UseRise) -> None:
    before, after, rise = 100 * use.before, 100 * use.after, use.rise
    interval = f"{100 * rise.value:+.1f}, {100 * rise.low:+.1f} – {100 * rise.high:+.1f}"
    say(
        Text(
            zh=f"没有训练过的 {use.queries} 种问法（使用记录），平均召回从 {before:.1f} 到 {after:.1f}（{interval}）",
            en=f"{use.queries} queries from use that training did not see: "
            f"mean recall from {before:.1f} to {after:.1f} ({interval})",
        )
    )


def _summary(fitted: Fitted) -> dict[str, object]:
    return {
        "adapter": fitted.adapter.manifest.model_dump(),
        "options": asdict(fitted.chosen.options),
        "epochs": fitted.chosen.best,
        "trials": [asdict(trial) | {"best": trial.best} for trial in fitted.trials],
        "losses": list(fitted.losses),
        **({} if fitted.use_rise is None else {"use": asdict(fitted.use_rise)}),
        **comparison(fitted.before, fitted.after, fitted.rise),
    }
