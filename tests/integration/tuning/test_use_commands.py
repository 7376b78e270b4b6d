"""A record of use, kept by a client of a running library, in ``soutu-tune fit`` and ``soutu-tune export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from clip_files import write_tables
from colour_encoder import ColourEncoder
from search_house import SearchHouse, picture
from soutu_client import Deed, Feedback, Use
from soutu_client.models import TextTerm
from soutu_services.tuning.adapter_fit import FitRequest
from soutu_services.tuning.adapter_training import TrainingOptions
from soutu_services.tuning.cli import main
from soutu_services.tuning.dataset import TextRow, open_dataset
from soutu_services.tuning.flaws import Flaws


def tune(address: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"SOUTU_LANGUAGE": "en", "SOUTU_ADDRESS": address})


@pytest.fixture
def record(house: SearchHouse, tmp_path: Path) -> Path:
    """Whoever looks for 夕阳 opens the red photo, far down, and says that the green one is not it."""
    red = house.upload("红.png", picture("红", 1))
    green = house.upload("绿.png", picture("绿", 2))
    house.settled()
    feedback = Feedback(tmp_path / "feedback")
    feedback.turn(is_on=True)
    access = house.client.access()
    for did, photo_id, rank in (
        (Deed.OPEN, red, 9),
        (Deed.NOT_THIS, green, 1),
        (Deed.OPEN, "f" * 32, 1),
    ):
        assert feedback.record(Use(did, (TextTerm("夕阳红"),), photo_id, rank), access=access)
    assert feedback.record(Use(Deed.OPEN, (TextTerm("晚霞"),), red, 1), access=access)
    with feedback.path.open("a") as file:
        file.write("half a li")
    return feedback.path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, numbers in (("train", range(36)), ("valid", range(36, 48))):
        names = {one: "红绿蓝"[one % 3] for one in numbers}
        texts = [TextRow(one, name, (one,)) for one, name in names.items()]
        write_tables(tmp_path / "data", split, {one: picture(name, 100 + one) for one, name in names.items()}, texts)
    return tmp_path / "data"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[FitRequest]:
    """Train on the model that the library of the tests uses, for a moment only, and return what each fit was asked for."""
    monkeypatch.setattr("soutu_services.tuning.fit_commands.load_encoder", lambda *_: ColourEncoder())
    requests: list[FitRequest] = []

    def short(**request: Any) -> FitRequest:
        requests.append(FitRequest(**request, candidates=(TrainingOptions(hidden=16, batch=8),), most_epochs=1))
        return requests[-1]

    monkeypatch.setattr("soutu_services.tuning.fit_commands.FitRequest", short)
    return requests


def test_fit_takes_it_and_a_strength_of_nothing_is_as_without(
    asked: list[FitRequest], house: SearchHouse, record: Path, data: Path, tmp_path: Path
) -> None:
    options: list[list[str]] = [[], ["--use", str(record), "--use-strength", "0"], ["--use", str(record), "--use-strength", "2"]]
    done = [tune(house.address, "fit", str(data), "--output", str(tmp_path / str(at)), *more) for at, more in enumerate(options)]
    assert [one.exit_code for one in done] == [0, 0, 0], done[-1].output
    assert "record of use: 2 queries, 3 pairs that fit, 1 that do not" in done[2].stdout
    assert "1 rows cannot be read" in done[2].stderr
    assert "1 pairs from use are of photos that the library has not any more" in done[2].stderr
    plain, nothing, taught = asked
    assert plain.uses is None
    assert nothing.uses is None
    assert plain.fingerprint == nothing.fingerprint != taught.fingerprint
    uses = taught.uses
    assert uses is not None
    assert uses.texts == ("夕阳红", "晚霞")
    assert np.argmax(uses.images, axis=1).tolist() == [0, 1], "red and green, as the library has them"
    assert (uses.pairs.tolist(), uses.weights.tolist()) == ([[0, 0], [0, 1], [1, 0]], [10, -10, 2])


@pytest.mark.usefixtures("asked")
def test_a_fit_that_was_stopped_goes_on_with_the_same_record_alone(
    house: SearchHouse, record: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("soutu_services.tuning.fit_commands.tell_step", stop)
        tune(house.address, "fit", str(data), "--output", str(tmp_path / "out"), "--use", str(record))
    other = tune(house.address, "fit", str(data), "--output", str(tmp_path / "out"))
    assert (other.exit_code, "unfinished fit" in other.stderr) == (1, True)
    assert tune(house.address, "fit", str(data), "--output", str(tmp_path / "out"), "--use", str(record)).exit_code == 0


def test_a_model_that_the_library_does_not_use_is_one_line(house: SearchHouse, record: Path, data: Path, tmp_path: Path) -> None:
    done = tune(house.address, "fit", str(data), "--output", str(tmp_path / "out"), "--use", str(record))
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("the library has no vectors of lite")
    missing = tune(house.address, "fit", str(data), "--output", str(tmp_path / "out"), "--use", str(tmp_path / "none.jsonl"))
    assert missing.exit_code == 1
    assert "none.jsonl" in missing.stderr
    assert "Traceback" not in missing.output


@pytest.mark.parametrize(("least", "expected"), [("2", {"夕阳红"}), ("1", {"夕阳红", "晚霞"}), ("99", set())])
def test_an_export_has_what_a_photo_was_found_by(
    house: SearchHouse, record: Path, tmp_path: Path, least: str, expected: set[str]
) -> None:
    out = tmp_path / "out"
    done = tune(house.address, "export", str(out), "--splits", "train=1", "--use", str(record), "--use-least", least)
    assert done.exit_code == 0, done.output
    assert "1 rows cannot be read" in done.stderr
    rows = list(open_dataset(out, "train").texts(Flaws()))
    names = {row.text: row.image_ids for row in rows}
    assert set(names) == {"红", "绿", *expected}
    assert all(names[text] == names["红"] for text in expected)
