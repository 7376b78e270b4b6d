"""The tables at a terminal of 80 characters: no figure is cut."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from soutu_services.runtime.language import Language, Text
from soutu_services.tuning.fit_report import tell_step
from soutu_services.tuning.report_table import DIRECTIONS, FIGURES, cells, figure_table
from soutu_services.tuning.retrieval import Estimate


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_widest_intervals_are_not_cut(language: Language) -> None:
    figures = {name: Estimate(0.55, 0.1, 1.0) for name in FIGURES} | {"median_rank": Estimate(120.5, 103.5, 1204.5)}
    table = figure_table(Text(zh="表", en="table"), language)
    for label in DIRECTIONS.values():
        table.add_row(label.to(language), *cells(figures))
    written = io.StringIO()
    Console(file=written, width=80, soft_wrap=True).print(table)
    text = written.getvalue()
    assert "…" not in text
    assert text.count("10.0–100.0") == 8 and text.count("103.5 –") == text.count("1204.5") == 2
    assert max(cell_len(line) for line in text.splitlines()) <= 80


def test_a_short_interval_of_ranks_stays_in_one_line() -> None:
    assert cells({name: Estimate(2, 1, 3.5) for name in FIGURES})[-1] == "2\n1–3.5"


@pytest.mark.parametrize(("language", "line"), [("zh", "第 3 轮 · 平均召回 0.5000"), ("en", "epoch 3 · mean recall 0.5000")])
def test_what_an_epoch_reached_is_told_in_the_person_s_language(
    language: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUTU_LANGUAGE", language)
    tell_step(Text(zh="平均召回", en="mean recall"), 3, 0.5)
    assert capsys.readouterr().err == f"{line}\n"
