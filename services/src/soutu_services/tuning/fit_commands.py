"""``soutu-tune fit`` and ``soutu-tune adopt``."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from soutu_services.embedding.adapter_folder import MANIFEST_NAME, read_adapter
from soutu_services.embedding.registry import ModelSpec, load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.blas import use_one_blas_thread
from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.adapter_fit import FitRequest, Fitted, UseRise, fit_adapter
from soutu_services.tuning.adoption import adopt
from soutu_services.tuning.curve_picture import draw_curves
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.fit_state import FitState
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library_commands import connected, shown_progress, tell_flaws
from soutu_services.tuning.report_table import DIRECTIONS, FIGURES, cells, figure_table
from soutu_services.tuning.retrieval import Estimate
from soutu_services.tuning.shared_photos import shared_photos
from soutu_services.tuning.use_commands import vectors_of_record
from soutu_services.tuning.vector_cache import cached_pairs, fingerprint

__all__ = ["CURVES_NAME", "FIT_NAME", "run_adopt", "run_fit"]

FIT_NAME, CURVES_NAME = "fit.json", "curves.png"
_CACHE = "vectors"


def run_fit(
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
    """Fit an adapter, on a record of use as well if one is given; print what it reached, write it with its curves.

    Raises:
        SoutuError: a data set or the model cannot be used, or the folder holds another fit.
        OSError: a file cannot be read or written.
    """
    if ModelSpec.parse(model).kind == "adapter":
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh="适配层要在模型上训练，不能在另一个适配层上：请给出它的模型",
            en="an adapter is trained on a model, not on another adapter: name that model",
        )
    if train == valid:
        raise InvalidInput(
            "SAME_SPLIT", zh="--train 和 --valid 必须是不同的部分", en="--train and --valid must be different splits"
        )
    if (output / MANIFEST_NAME).exists() and not FitState.is_in(output):
        raise FailedPrecondition(
            "FOLDER_TAKEN",
            zh=f"{output} 里已有训练好的适配层：请换一个文件夹，或先把它移走",
            en=f"{output} holds an adapter already: choose another folder, or move it away first",
        )
    begin = time.monotonic()
    use_one_blas_thread()
    settings = load_settings(EmbeddingSettings)
    datasets = [open_dataset(data, split) for split in (train, valid)]
    shared = shared_photos(datasets[0], datasets[1], settings.image_limits, threads=settings.cpu_threads)
    if shared is not None:
        complain(shared.text)
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
    tell_flaws(flaws)
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
        summary = _summary(fitted) | {"seconds": round(time.monotonic() - begin, 1), "peak_mib": _peak_mib()}
        (output / FIT_NAME).write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", "utf-8")

    fitted = fit_adapter(request, output, on_step=_tell_step, on_fitted=keep)
    Console(soft_wrap=True).print(_table(fitted))
    if fitted.use_rise is not None:
        _tell_use(fitted.use_rise)
    _conclude(fitted, model, output)


def run_adopt(folder: Path, *, anyway: bool, address: str | None) -> None:
    """Take an adapter over in the running library.

    Raises:
        SoutuError: see ``adopt``.
    """
    adapter = read_adapter(folder)
    with connected(address) as library, shown_progress(Text(zh="向量", en="vectors")) as (progress, task):
        mapped = adopt(
            library, adapter, anyway=anyway, on_progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    name = adapter.manifest.name
    say(
        Text(
            zh=f"已换用 {name}：{mapped} 个向量由已有的向量算出，没有重读照片。想换回去：soutu reindex --back",
            en=f"{name} serves now: {mapped} vectors were made of those that were there, and no photo was read. "
            "The way back: soutu reindex --back",
        )
    )


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


def _tell_step(what: str, epoch: int, value: float) -> None:
    complain(Text(zh=f"{what} · {epoch} · {value:.4f}", en=f"{what} · {epoch} · {value:.4f}"))


def _summary(fitted: Fitted) -> dict[str, object]:
    return {
        "adapter": fitted.adapter.manifest.model_dump(),
        "options": asdict(fitted.chosen.options),
        "epochs": fitted.chosen.best,
        "before": fitted.before.summary(),
        "after": fitted.after.summary(),
        "rise": {name: asdict(estimate) for name, estimate in fitted.rise.items()},
        "trials": [asdict(trial) | {"best": trial.best} for trial in fitted.trials],
        "losses": list(fitted.losses),
        **({} if fitted.use_rise is None else {"use": asdict(fitted.use_rise)}),
    }


def _table(fitted: Fitted) -> Table:
    language = command_language()
    photos = len(fitted.before.pairs.image_ids)
    title = Text(
        zh=f"在没有训练过的 {photos} 张照片上（百分比，下面是 95 % 区间）",
        en=f"on {photos} photos that training did not see (per cent, 95 % intervals below)",
    )
    table = figure_table(title, language)
    rows = ((Text(zh="之前", en="before"), fitted.before), (Text(zh="之后", en="after"), fitted.after))
    for direction, label in DIRECTIONS.items():
        for when, evaluation in rows:
            row = cells(evaluation.directions[direction].figures)
            table.add_row(f"{label.to(language)}\n{when.to(language)}", *row)
        table.add_section()
    rises = (_signed(fitted.rise[name]) if name in fitted.rise else "" for name in FIGURES)
    label = Text(zh="以文找图\n逐句提高", en="text to photo\nrise, paired")
    table.add_row(label.to(language), *rises)
    return table


def _signed(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.1f}\n{100 * estimate.low:+.1f}–{100 * estimate.high:+.1f}"


def _conclude(fitted: Fitted, model: str, output: Path) -> None:
    rise = fitted.rise["mean_recall"]
    if rise.value <= 0:
        complain(
            Text(
                zh=f"没有变好，soutu-tune adopt 会拒绝换用。结果在 {output}",
                en=f"It got no better, and soutu-tune adopt will refuse to switch. What was done is in {output}",
            )
        )
        return
    if rise.low <= 0:
        complain(
            Text(
                zh="提高的区间包含 0：照片太少，不能确定真的变好了",
                en="the interval of the rise holds 0: there are too few photos to be sure",
            )
        )
    where = output.resolve()
    say(
        Text(
            zh=f"已写入 {output}。使用：SOUTU_EMBEDDING_MODELS={model},adapter:{where} make run，然后 soutu-tune adopt {where}",
            en=f"Written to {output}. Use it: SOUTU_EMBEDDING_MODELS={model},adapter:{where} make run, "
            f"then soutu-tune adopt {where}",
        )
    )


def _peak_mib() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
