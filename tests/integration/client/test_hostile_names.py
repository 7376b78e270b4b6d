"""Names from a library that were made to do harm: a terminal shows them and obeys none, and what is saved stays in its folder."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.table import Table
from rich.text import Text
from soutu.search.v1 import library_service_pb2, photo_pb2

from hostile_names import CONTROL, DIRECTION, UPLOADS, does_something
from memory_service import MemoryService
from patience import PATIENCE
from soutu_client import Client, SoutuError
from soutu_client.cli.main import run
from soutu_client.cli.safe_console import SafeConsole
from soutu_services.runtime.errors import InvalidInput

NAMES = (
    *(case.given for case in UPLOADS if case.given.strip("\x00")),
    "../../../escape.jpg",
    "/etc/cron.d/evil.jpg",
    "..",
    "....",
    "~/.ssh/authorized_keys",
    ".bashrc",
    "con",
    "COM1.jpg",
    "nul .jpg",
    "CONIN$",
    "a.jpg:stream",
    "\x1b]0;title\a\x1b[2J.jpg",
    "x" * 500 + ".jpg",
    "." + "字" * 300,
)
TRICK = f"\x1b[31m红{CONTROL}{DIRECTION}"


def content(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256, 90)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def library(service: MemoryService, client: Client, tmp_path: Path) -> dict[str, str]:
    """Fill the service with a photo of each name; every other text of theirs is a trick. Returns the names by photo id."""
    ids = {}
    for number, name in enumerate(NAMES):
        file = tmp_path / "one.png"
        file.write_bytes(content(number))
        photo_id = client.upload(file, name=name).photo_id
        ids[photo_id] = name
        photo = service.library.photos[photo_id]
        photo.camera = photo.media_type = TRICK
        photo.names[0].source = TRICK
        photo.annotations.caption = TRICK
        photo.annotations.tags.append(TRICK)
        photo.annotations.albums.append(TRICK)
    broken = next(iter(service.library.photos.values()))
    broken.state = photo_pb2.PHOTO_STATE_UNREADABLE
    broken.unreadable.message = TRICK
    service.library.jobs["job"] = [
        library_service_pb2.Job(
            job_id=TRICK, kind=library_service_pb2.JOB_KIND_SYNC, state=library_service_pb2.JOB_STATE_FAILED, message=TRICK
        )
    ]
    return ids


@pytest.fixture
def soutu(service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("SOUTU_ADDRESS", service.address)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.delenv("DISPLAY", raising=False)
    return lambda *arguments: run(["--timeout", str(PATIENCE), *(str(argument) for argument in arguments)])


def test_no_output_obeys_a_name(
    library: dict[str, str], service: MemoryService, soutu: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ids = list(library)
    commands: list[tuple[Any, ...]] = [
        ("list", "--limit", 200),
        ("search", "红", "--limit", 200),
        ("search", f"离线{TRICK.replace(chr(0), '')}"),
        ("search", "离线"),
        ("search", "红", "--save", tmp_path / "saved", "--limit", 200),
        ("search", "红", "--sheet", tmp_path / "sheet.jpg"),
        ("similar", ids[0]),
        ("duplicates",),
        ("status",),
        ("jobs",),
        ("jobs", "pause", TRICK.replace("\x00", "")),
        ("delete", ids[0]),
        ("annotate", ids[0], "--tag", "a\x1b[0m\u202e"),
        *(("show", photo_id) for photo_id in ids[:12]),
        *(("show", photo_id) for photo_id in ids[-12:]),
        ("show", f"{ids[0]}\u202e"),
    ]
    for command in commands:
        for extra in ((), ("--json",)):
            soutu(*command, *extra)
            shown = capfd.readouterr()
            assert shown.out or shown.err, command
            assert not does_something(shown.out + shown.err), (command, extra)
    service.library.failures.append(InvalidInput("TRICK", zh=TRICK, en=TRICK))
    assert soutu("list") != 0
    error = capfd.readouterr().err
    assert not does_something(error)
    assert error.count("\n") == 1


def test_a_console_shows_what_nobody_made_printable_and_obeys_none_of_it() -> None:
    out = io.StringIO()
    console = SafeConsole(file=out, force_terminal=True, color_system="truecolor", width=200)
    table = Table(f"a{TRICK}")
    table.add_row(f"b{TRICK}")
    for renderable in (f"c{TRICK}", Text(f"d{TRICK}", style="red"), table):
        console.print(renderable)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue().replace("\x1b[31m红", "obeyed"))
    assert "obeyed" not in shown
    assert not does_something(shown)
    assert "\x1b[31md" in out.getvalue(), "colours of our own get through"


def test_json_gives_the_names_back_as_they_are(
    library: dict[str, str], soutu: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    soutu("list", "--limit", 200, "--json")
    listed = json.loads(capfd.readouterr().out)["photos"]
    assert {photo["photo_id"]: photo["names"][0]["name"] for photo in listed} == library


def test_what_is_saved_lies_in_the_folder_under_names_that_any_system_takes(
    library: dict[str, str], client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "outer" / "saved"
    saved = {photo_id: client.save_original(photo_id, folder) for photo_id in library}
    everything = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {*saved.values(), tmp_path / "one.png"}
    assert len(set(saved.values())) == len(library), "none took another's place"
    for photo_id, path in saved.items():
        name = path.name
        assert path.parent == folder
        assert not path.is_symlink()
        assert not does_something(name.replace("\n", "\x00"))
        assert not set('<>:"/\\|?*') & set(name)
        assert name == name.strip(" .")
        assert len(os.fsencode(name)) <= 255
        assert name.partition(".")[0].strip().lower() not in {"con", "nul", "com1", "conin$"}, library[photo_id]


def test_a_link_in_the_way_is_not_followed(library: dict[str, str], client: Client, tmp_path: Path) -> None:
    photo_id = next(photo_id for photo_id, name in library.items() if name == "../../../escape.jpg")
    victim, folder = tmp_path / "victim.jpg", tmp_path / "saved"
    folder.mkdir()
    (folder / "escape.jpg").symlink_to(victim)
    assert client.save_original(photo_id, folder) == folder / "escape (2).jpg"
    assert not victim.exists()


def test_words_that_are_no_text_are_told_in_one_line(soutu: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    for command in (("show", "\udcff\x1b"), ("similar", "\udcff\u202e"), ("annotate", "\udcff", "--tag", "a")):
        assert soutu(*command) in (1, 2)
        shown = capfd.readouterr()
        assert shown.out == ""
        assert not does_something(shown.err)
        assert shown.err.count("\n") == 1


def test_a_name_that_is_no_text_is_refused_before_anything_is_sent(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content(1))
    with pytest.raises((UnicodeEncodeError, SoutuError)) as refused:
        client.upload(file, name="a\ud800.png")
    assert not isinstance(refused.value, SoutuError), "it is no fault of the service"
