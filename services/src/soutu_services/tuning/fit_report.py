"""What a fit came to, for the terminal and as JSON."""

from __future__ import annotations

import json
import math
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.language import Text
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.report_table import DIRECTIONS, FIGURES, cells, figure_table
from soutu_services.tuning.retrieval import Estimate

__all__ = ["CURVES_NAME", "FIT_NAME", "comparison", "comparison_table", "conclude", "peak_mib", "tell_step", "write_summary"]

FIT_NAME, CURVES_NAME = "fit.json", "curves.png"


def tell_step(what: Text, epoch: int, value: float) -> None:
    """Say what an epoch reached."""
    complain(Text(zh=f"第 {epoch} 轮 · {what.zh} {value:.4f}", en=f"epoch {epoch} · {what.en} {value:.4f}"))


def comparison(before: Evaluation, after: Evaluation, rise: Mapping[str, Estimate]) -> dict[str, object]:
    """Return before and after as JSON has them."""
    return {
        "before": before.summary(),
        "after": after.summary(),
        "rise": {name: asdict(estimate) for name, estimate in rise.items()},
    }


def write_summary(summary: Mapping[str, object], folder: Path) -> None:
    """Write what a fit came to beside what it made."""
    (folder / FIT_NAME).write_text(json.dumps(_plain(summary), ensure_ascii=False, indent=1, allow_nan=False) + "\n", "utf-8")


def comparison_table(before: Evaluation, after: Evaluation, rise: Mapping[str, Estimate]) -> Table:
    """Lay out before and after."""
    language = command_language()
    photos = len(before.pairs.image_ids)
    title = Text(
        zh=f"在没有训练过的 {photos} 张照片上（百分比，下面是 95 % 区间）",
        en=f"on {photos} photos that training did not see (per cent, 95 % intervals below)",
    )
    table = figure_table(title, language)
    rows = ((Text(zh="之前", en="before"), before), (Text(zh="之后", en="after"), after))
    for direction, label in DIRECTIONS.items():
        for when, evaluation in rows:
            row = cells(evaluation.directions[direction].figures)
            table.add_row(f"{label.to(language)}\n{when.to(language)}", *row)
        table.add_section()
    rises = (_signed(rise[name]) if name in rise else "" for name in FIGURES)
    label = Text(zh="以文找图\n逐句提高", en="text to photo\nrise, paired")
    table.add_row(label.to(language), *rises)
    return table


def conclude(rise: Estimate, model: str, new: str, output: Path) -> None:
    """Say whether it helped, and how it is used.

    Args:
        rise: Of the mean recall.
        model: The model it was trained on, as the embedding service names it.
        new: The new one, named the same way.
        output: Folder of what was written.
    """
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
            zh=f"已写入 {output}。使用：SOUTU_EMBEDDING_MODELS={model},{new} make run，然后 soutu-tune adopt {where}",
            en=f"Written to {output}. Use it: SOUTU_EMBEDDING_MODELS={model},{new} make run, then soutu-tune adopt {where}",
        )
    )


def peak_mib() -> int:
    """Return the most memory that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def _plain(value: Any) -> Any:
    """Return null for what is no number, such as the loss before training: JSON has no other word for it."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _signed(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.1f}\n{100 * estimate.low:+.1f} –\n{100 * estimate.high:+.1f}"
