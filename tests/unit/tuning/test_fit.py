"""``soutu-tune fit`` with the model that ships."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clip_files import jpeg, write_tables
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.tuning.adapter_fit import FitRequest
from soutu_services.tuning.adapter_training import TrainingOptions
from soutu_services.tuning.cli import main
from soutu_services.tuning.dataset import TextRow


def fit(data: Path, *options: str, language: str = "en") -> Result:
    return CliRunner().invoke(main, ["fit", str(data), *options], env={"SOUTU_LANGUAGE": language})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for split, numbers in (("train", range(40)), ("valid", range(40, 52))):
        texts = [TextRow(one, f"第{one}号颜色", (one,)) for one in numbers]
        write_tables(folder, split, {one: jpeg(one) for one in numbers}, texts)
    write_tables(folder, "few", {1: jpeg(1), 60: jpeg(60)}, [TextRow(1, "红", (1,)), TextRow(2, "蓝", (60,))])
    write_tables(folder, "empty", {1: jpeg(1)}, [])
    return folder


def test_fits_and_tells_before_and_after(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = partial(FitRequest, candidates=(TrainingOptions(hidden=16),), most_epochs=2)
    monkeypatch.setattr("soutu_services.tuning.fit_commands.FitRequest", short)
    done = fit(data, "--output", str(tmp_path / "family"))
    assert done.exit_code == 0, done.output
    assert "before" in done.stdout
    assert "after" in done.stdout
    assert "epoch 2 · options 1/1 · mean recall 0." in done.stderr, "a figure has a name"
    summary = json.loads((tmp_path / "family" / "fit.json").read_text("utf-8"))
    assert summary["before"]["photos"] == 12
    assert summary["rise"].keys() == {"r1", "r5", "r10", "mean_recall"}
    assert (tmp_path / "family" / "curves.png").stat().st_size > 1000
    assert not (tmp_path / "family" / ".fit").exists()
    model = load_encoder(f"adapter:{tmp_path / 'family'}", EmbeddingSettings())
    assert model.card.space_id == summary["adapter"]["space_id"] != summary["before"]["space_id"]
    model.close()
    again = fit(data, "--output", str(tmp_path / "family"))
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--train", "few"], "30"),
        (["--train", "empty"], "empty"),
        (["--train", "valid"], "--valid"),
        (["--train", "none"], "none_texts.jsonl"),
        (["--model", "adapter:/x"], "adapter"),
        (["--model", "clip"], "clip"),
    ],
)
def test_what_cannot_be_is_one_line(data: Path, tmp_path: Path, options: list[str], part: str) -> None:
    done = fit(data, "--output", str(tmp_path / "out"), *options)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].count(part) >= 1
    assert "Traceback" not in done.output


def test_photos_that_both_splits_have_are_told_and_not_trained_on(data: Path, tmp_path: Path) -> None:
    done = fit(data, "--output", str(tmp_path / "out"), "--train", "few", "--valid", "train")
    assert "1 photos of 'train' are in 'few' too" in done.stderr.splitlines()[0]
    assert "so 1 photos of 'few'" in done.stderr.splitlines()[1]
    assert "there are 1 photos" in done.stderr.splitlines()[-1]
    assert "30" in done.stderr.splitlines()[-1], "and the fit goes on to what it has to say itself"


def test_what_is_wrong_with_rows_is_said_where_nothing_is_left(data: Path, tmp_path: Path) -> None:
    write_tables(data, "broken", {1: b"no picture"}, [TextRow(1, "红", (1,))])
    done = fit(data, "--output", str(tmp_path / "out"), "--train", "broken")
    assert done.exit_code == 1
    assert "1 pictures cannot be read" in done.stderr
    assert "'broken' is empty" in done.stderr.splitlines()[-1]
