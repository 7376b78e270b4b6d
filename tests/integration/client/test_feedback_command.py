"""``soutu feedback``: what is kept of what a person does with what was found, and what is not."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soutu_client import Deed, Feedback, TextTerm, Use
from terminal_session import TerminalSession

MakePhotos = Callable[..., Path]
Soutu = Callable[..., int]


@pytest.fixture
def found(soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Three photos in the library, and a function that searches and returns what was found."""
    assert soutu("add", make_photos("a", ["1.jpg", "2.jpg", "3.jpg"])) == 0

    def search() -> list[str]:
        capsys.readouterr()
        assert soutu("search", "雪地里的狗", "--not", "人", "--json") == 0
        return [hit["hit"]["photo"]["photo_id"] for hit in json.loads(capsys.readouterr().out)["hits"]]

    return search


def kept() -> list[tuple[Deed, str, int]]:
    return [(use.did, use.photo_id, use.rank) for use in Feedback.of_user().read().uses]


def everything(folder: Path) -> str:
    return "".join(path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def test_nothing_is_kept_of_what_was_asked_until_it_is_turned_on(
    soutu: Soutu, found: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found()
    assert soutu("open", "2") == 0
    assert "雪" not in everything(tmp_path / "state")
    assert soutu("feedback") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("off (soutu feedback on turns it on) · 0 lines")
    assert soutu("feedback", "not", "2") == 2
    assert "soutu feedback on" in capsys.readouterr().err
    assert soutu("feedback", "on") == 0
    assert soutu("feedback", "not", "2") == 2
    assert "search again" in capsys.readouterr().err
    assert kept() == []


def test_what_is_done_is_kept_with_its_rank(soutu: Soutu, found: Callable[[], list[str]], tmp_path: Path) -> None:
    soutu("feedback", "on")
    first, second, third = found()
    assert soutu("open", "2") == 0
    assert soutu("open", third[:8]) == 0
    assert soutu("show", first[:8], "--save", tmp_path / "out") == 0
    assert soutu("show", first[:8]) == 0
    assert soutu("annotate", second, "--favourite") == 0
    assert soutu("annotate", second, "--not-favourite", "--tag", "狗") == 0
    assert soutu("feedback", "not", "3") == 0
    deeds = [(Deed.OPEN, second, 2), (Deed.OPEN, third, 3), (Deed.DOWNLOAD, first, 1), (Deed.FAVOURITE, second, 2)]
    assert kept() == [*deeds, (Deed.NOT_THIS, third, 3)]
    assert {use.terms for use in Feedback.of_user().read().uses} == {(TextTerm("雪地里的狗"), TextTerm("人", -0.5))}


def test_off_keeps_no_more_and_clear_erases(
    soutu: Soutu, found: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("feedback", "on")
    photo_id = found()[0]
    soutu("open", "1")
    soutu("feedback", "off")
    soutu("open", "1")
    capsys.readouterr()
    assert soutu("feedback", "show", "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["did"], line["photo_id"], line["terms"][0]) == ("open", photo_id, {"text": "雪地里的狗"})
    with Feedback.of_user().path.open("ab") as file:
        file.write(b"no deed\n")
    assert soutu("feedback", "show") == 0
    out, err = capsys.readouterr()
    assert re.search(rf"opened +1 +{photo_id[:8]} +雪地里的狗  - 人", out)
    assert err == "1 line cannot be read and was left out\n"
    assert soutu("feedback", "clear") == 2, "nobody can be asked"
    assert soutu("feedback", "clear", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"cleared": 1}
    assert "雪" not in everything(tmp_path / "state")
    assert soutu("feedback", "show") == 3


def test_a_guest_is_told_and_not_recorded(
    service: Any, soutu: Soutu, found: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("feedback", "on")
    found()
    service.library.is_for_a_guest = True
    assert soutu("open", "1") == 0
    assert soutu("feedback", "not", "1") == 1
    assert "nothing is kept of guests" in capsys.readouterr().err
    assert kept() == []


def test_a_record_that_cannot_be_written_stops_nothing(
    soutu: Soutu, found: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("feedback", "on")
    found()
    Feedback.of_user().path.mkdir()
    assert soutu("open", "1") == 0
    out, err = capsys.readouterr()
    assert "the original is" in out
    assert err.startswith("the record of use could not be written: ")
    assert err.count("\n") == 1


def test_at_the_terminal(service: Any, soutu: Soutu, found: Callable[[], list[str]], tmp_path: Path) -> None:
    first, second, third = found()
    environment = {
        "SOUTU_ADDRESS": service.address,
        "SOUTU_LANGUAGE": "en",
        "LC_ALL": "C.UTF-8",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-c", "from soutu_client.cli.main import main; main()"]
    with TerminalSession(command, environment=environment, answers={b"\x1b[c": b"\x1b[?62;22c"}) as terminal:
        terminal.expect("soutu> ")
        terminal.type("狗\n")
        terminal.expect("soutu> ")
        terminal.type("/not 2\n")
        terminal.expect("run soutu feedback on")
        soutu("feedback", "on")
        terminal.type("2\n")
        terminal.expect("the original is")
        terminal.type(f"/save 3 {tmp_path}/out\n")
        terminal.expect("Original saved as")
        terminal.type("/不是 1\n")
        terminal.expect("Kept: photo 1 is not “狗”")
        terminal.type("/not 9\n")
        terminal.expect("which one? Write a number from 1 to 3")
        terminal.type("/quit\n")
        assert terminal.wait() == 0
    assert kept() == [(Deed.OPEN, second, 2), (Deed.DOWNLOAD, third, 3), (Deed.NOT_THIS, first, 1)]
    assert {use.terms for use in Feedback.of_user().read().uses} == {(TextTerm("狗"),)}


def test_use_is_part_of_the_sdk(tmp_path: Path, client: Any) -> None:
    feedback = Feedback(tmp_path)
    feedback.turn(is_on=True)
    assert feedback.record(Use(Deed.OPEN, (TextTerm("狗"),), "a" * 32, 1), access=client.access())
