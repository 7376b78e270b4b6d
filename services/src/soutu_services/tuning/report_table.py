"""An evaluation as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text as Plain

from soutu_services.runtime.language import Language, Text
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.published_results import BENCHMARKS, Benchmark, published
from soutu_services.tuning.retrieval import Estimate

__all__ = ["DIRECTIONS", "FIGURES", "SETUPS", "cells", "figure_table", "percent", "published_tables", "result_table"]

DIRECTIONS = {"text_to_photo": Text(zh="以文找图", en="text to photo"), "photo_to_text": Text(zh="以图找文", en="photo to text")}
FIGURES = {
    "r1": Text(zh="R@1", en="R@1"),
    "r5": Text(zh="R@5", en="R@5"),
    "r10": Text(zh="R@10", en="R@10"),
    "mean_recall": Text(zh="平均召回", en="mean recall"),
    "median_rank": Text(zh="名次中位数", en="median rank"),
}
SETUPS = {"zero-shot": Text(zh="零样本", en="zero-shot"), "fine-tuned": Text(zh="微调后", en="fine-tuned")}
_MOST_OF_A_RANK = 8
"""Characters that 80 leave for it, beside four intervals as wide as ``10.0–100.0``."""


def percent(name: str, figure: Estimate) -> str:
    """Write a figure and its interval: shares in per cent, ranks as they are."""
    if name == "median_rank":
        return f"{figure.value:g} ({figure.low:g}–{figure.high:g})"
    return f"{100 * figure.value:.1f} ({100 * figure.low:.1f}–{100 * figure.high:.1f})"


def figure_table(title: Text, language: Language) -> Table:
    """Make a table with a column for each figure, narrow enough for 80 characters."""
    table = Table(title=Plain(title.to(language)), title_justify="left")
    table.add_column("", no_wrap=True)
    for text in FIGURES.values():
        table.add_column(text.to(language).replace(" ", "\n"), justify="right", no_wrap=True)
    return table


def cells(figures: Mapping[str, Estimate]) -> list[str]:
    """Return the cells of a row: each figure with its interval below, that of a rank in two lines where it is long."""
    row = []
    for name in FIGURES:
        value, interval = percent(name, figures[name]).rstrip(")").split(" (")
        if name == "median_rank" and len(interval) > _MOST_OF_A_RANK:
            interval = interval.replace("–", " –\n")
        row.append(f"{value}\n{interval}")
    return row


def result_table(evaluation: Evaluation, language: Language) -> Table:
    """Lay out both directions."""
    photos, texts = len(evaluation.pairs.image_ids), len(evaluation.pairs.texts)
    title = Text(
        zh=f"{evaluation.card.name}：{photos} 张照片，{texts} 条文字（百分比，下面是 95 % 区间）",
        en=f"{evaluation.card.name}: {photos} photos, {texts} texts (per cent, 95 % intervals below)",
    )
    table = figure_table(title, language)
    for name, direction in evaluation.directions.items():
        table.add_row(DIRECTIONS[name].to(language), *cells(direction.figures))
    return table


def published_tables(benchmark: Benchmark, language: Language) -> list[Table]:
    """Lay out what the official models reach on a benchmark, a table for each direction that is published."""
    tables = []
    for name, direction in DIRECTIONS.items():
        title = Text(
            zh=f"{BENCHMARKS[benchmark]} 官方结果 · {direction.zh}：R@1 / R@5 / R@10",
            en=f"{BENCHMARKS[benchmark]}, published · {direction.en}: R@1 / R@5 / R@10",
        )
        table = Table("", *(text.to(language) for text in SETUPS.values()), title=title.to(language), title_justify="left")
        of_model: dict[str, list[str]] = {}
        for row in published(benchmark):
            figures = row.text_to_photo if name == "text_to_photo" else row.photo_to_text
            if figures is not None:
                of_model.setdefault(row.model, []).append(" / ".join(f"{figure:.1f}" for figure in figures))
        for model, cells in of_model.items():
            table.add_row(model, *cells)
        if of_model:
            tables.append(table)
    return tables
