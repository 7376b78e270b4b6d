"""``soutu-tune evaluate`` with the model that ships."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clip_files import jpeg, write_tables
from soutu_services.tuning.cli import main
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.published_results import published

SAMPLES = sorted((Path(__file__).parents[3] / "deploy" / "samples").glob("**/*.jpg"))[:12]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve photos, each with a caption; one more has none, and one row each is broken."""
    pictures = {number * 5: path.read_bytes() for number, path in enumerate(SAMPLES, 1)}
    texts = [TextRow(one, f"<b>照片</b> {one}", (one,)) for one in pictures]
    write_tables(tmp_path, "test", {**pictures, 500: jpeg(1), 501: b"no picture"}, [*texts, TextRow(900, "没有", (777,))])
    return tmp_path


def evaluate(data: Path, *options: str, language: str = "zh") -> Result:
    return CliRunner().invoke(main, ["evaluate", str(data), *options], env={"SOUTU_LANGUAGE": language, "COLUMNS": "100"})


def test_measures_and_writes_a_report_that_needs_nothing_else(data: Path, tmp_path: Path) -> None:
    done = evaluate(data, "--output", str(tmp_path / "out"), "--published", "muge")
    assert done.exit_code == 0, done.output
    assert "以文找图" in done.stdout
    assert "52.1 / 76.7 / 84.4" in done.stdout
    assert "1 张图片无法读取" in done.stderr
    assert "1 条文字没有对应的图片" in done.stderr
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert (figures["photos"], figures["texts"], figures["model"]) == (13, 12, "lite")
    assert figures["photo_to_text"]["queries"] == 12
    assert {flaw["kind"] for flaw in figures["flaws"]} == {"BROKEN_PICTURE", "TEXT_WITHOUT_PICTURE", "PICTURE_WITHOUT_TEXT"}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<b>照片" not in page
    assert "&lt;b&gt;照片" in page
    assert not re.search(r"(?:src|href)=\"(?!data:image/jpeg;base64,)", page)
    assert page.count("<img ") > 12
    assert 'lang="zh">最难的文字' in page
    assert 'lang="en">The worst texts' in page


def test_a_name_is_cut_between_characters_and_not_inside_their_escapes(data: Path, tmp_path: Path) -> None:
    photos = tmp_path / "table" / "photos"
    photos.mkdir(parents=True)
    name = "20 characters, then &&.jpg"
    (photos / name).write_bytes(SAMPLES[0].read_bytes())
    (photos.parent / "captions.zh.tsv").write_text(f"photo\tsplit\tcaption\n{name}\ttest\t狗\n", "utf-8")
    done = evaluate(photos.parent, "--output", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<figcaption>20 characters, then &amp;&amp;</figcaption>" in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_empty_split_or_a_missing_one_is_one_line(data: Path, language: str) -> None:
    write_tables(data, "none", {}, [])
    for split in ("none", "other"):
        done = evaluate(data, "--split", split, "--output", str(data / "out"), language=language)
        assert done.exit_code == 1
        assert done.stderr.count("\n") == 1
        assert split in done.stderr
        assert not (data / "out").exists()


def test_the_published_mean_recall_is_that_of_the_published_recalls() -> None:
    """Results.md states it for MUGE beside the others: a figure that was copied wrongly would show."""
    means = [63.0, 69.2, 71.1, 77.4, 74.1, 80.1, 76.1, 81.3, 78.8, 83.6]
    for row, mean in zip(published("muge"), means, strict=True):
        assert sum(row.text_to_photo) / 3 == pytest.approx(mean, abs=0.1)  # both are rounded


def test_published_figures_are_those_of_the_results_page() -> None:
    rows = {(row.model, row.setup): row for row in published("coco-cn")}
    assert rows["ViT-H-14", "fine-tuned"].text_to_photo == (81.5, 96.9, 99.1)
    assert rows["ViT-H-14", "fine-tuned"].photo_to_text == (83.5, 97.3, 99.2)
    assert rows["RN50", "zero-shot"].photo_to_text == (51.6, 81.2, 90.5)
    assert all(row.photo_to_text is None for row in published("muge"))
    assert {row.text_to_photo for row in published("muge") if row.model == "ViT-L-14"} == {(56.3, 79.8, 86.2), (63.3, 85.6, 91.3)}
