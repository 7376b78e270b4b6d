"""``soutu`` alone, at a terminal: a pty that answers as terminals with and without pictures do."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from soutu.search.v1 import search_service_pb2

from patience import PATIENCE, eventually
from soutu_client import Client
from soutu_client.cli.contact_sheet import sheet_of
from soutu_services.runtime.errors import InvalidInput
from terminal_picture_decoder import kitty_pictures, sixel_pictures
from terminal_session import TerminalSession

MakePhotos = Callable[..., Path]
Open = Callable[..., TerminalSession]
SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
PROMPT = "soutu> "
PLAIN_TERMINAL = {b"\x1b[c": b"\x1b[?62;22c"}
SIXEL_TERMINAL = {b"\x1b[c": b"\x1b[?62;4;22c"}
KITTY_ANSWER = {b"AAAA\x1b\\": b"\x1b_Gi=31;OK\x1b\\", b"\x1b[c": b"\x1b[?62;c"}


@pytest.fixture
def at_terminal(service: Any, tmp_path: Path) -> Iterator[Open]:
    """Return a function that starts the program at a terminal and waits for its prompt."""
    with ExitStack() as stack:

        def start(answers: dict[bytes, bytes], *, term: str = "xterm-256color", **more: Any) -> TerminalSession:
            own = {
                "SOUTU_ADDRESS": service.address,
                "SOUTU_LANGUAGE": "en",
                "LC_ALL": "C.UTF-8",
                "TERM": term,
                "XDG_STATE_HOME": str(tmp_path / "state"),
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                **more.pop("environment", {}),
            }
            command = [sys.executable, "-c", "from soutu_client.cli.main import main; main()", *more.pop("arguments", ())]
            terminal = stack.enter_context(TerminalSession(command, environment=own, answers=answers, **more))
            terminal.expect(PROMPT)
            return terminal

        yield start


@pytest.fixture
def album(client: Client, tmp_path: Path) -> list[str]:
    """Real photos in the library; return their ids in the order in which they are found."""
    client.add([SAMPLES / name for name in ("chelsea.jpg", "rocket.jpg", "flower.jpg", "astronaut.jpg", "seeding.jpg")])
    return [hit.photo.photo_id for hit in client.search("x").hits]


def expected_sheet(client: Client, title: str, room: tuple[int, int]) -> Image.Image:
    sheet = sheet_of(client, client.search(title.partition("  ")[0]).hits, title=title)
    scale = min(1.0, room[0] / sheet.width, room[1] / sheet.height)
    return sheet.resize((round(sheet.width * scale), round(sheet.height * scale))) if scale < 1 else sheet


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


def test_a_terminal_with_sixel_shows_the_sheet(at_terminal: Open, client: Client, album: list[str]) -> None:
    terminal = at_terminal(SIXEL_TERMINAL, columns=100, rows=40, pixels=(800, 640))
    terminal.type("火箭 -狗\n")
    terminal.expect("looks like it")
    terminal.expect(PROMPT)
    (picture,) = sixel_pictures(terminal.shown)
    expected = expected_sheet(client, "火箭  - 狗", (99 * 8, 38 * 16))
    assert expected.width == 792
    assert difference(picture, expected) < 4, "255 colours are as near as this"
    assert difference(picture, expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) > 20, "another picture is not"


def test_a_terminal_that_speaks_kitty_shows_the_sheet(at_terminal: Open, client: Client, album: list[str]) -> None:
    terminal = at_terminal(KITTY_ANSWER, term="xterm-kitty", columns=80, rows=50, pixels=(800, 1000))
    terminal.type("火箭\n")
    terminal.expect("looks like it")
    ((picture, keys),) = kitty_pictures(terminal.shown)
    assert difference(picture, expected_sheet(client, "火箭", (79 * 10, 48 * 20))) == 0
    assert (keys["a"], keys["f"], keys["q"], keys["c"]) == ("T", "100", "2", "79")


def test_a_terminal_tells_the_size_of_its_characters(at_terminal: Open, album: list[str]) -> None:
    terminal = at_terminal({b"\x1b[16t": b"\x1b[6;30;5t", **SIXEL_TERMINAL}, columns=100, rows=40)
    terminal.type("x\n")
    terminal.expect("looks like it")
    assert sixel_pictures(terminal.shown)[0].width == 99 * 5


@pytest.mark.parametrize(
    ("answers", "environment"),
    [
        (PLAIN_TERMINAL, {}),
        ({}, {}),  # it answers nothing at all
        (KITTY_ANSWER, {"TERM": "xterm-256color"}),  # and is not asked in words that it may print
        ({b"AAAA\x1b\\": b"\x1b_Gi=31;ENOTSUP\x1b\\", **PLAIN_TERMINAL}, {"TERM": "xterm-kitty"}),
        (PLAIN_TERMINAL, {"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}),
        (SIXEL_TERMINAL, {"SOUTU_GRAPHICS": "none"}),
        (SIXEL_TERMINAL, {"TERM": "dumb"}),
    ],
)
def test_elsewhere_a_picture_is_saved_and_nothing_odd_is_written(
    *,
    at_terminal: Open,
    client: Client,
    album: list[str],
    tmp_path: Path,
    answers: dict[bytes, bytes],
    environment: dict[str, str],
) -> None:
    terminal = at_terminal(answers, environment=environment)
    terminal.type("火箭\n")
    terminal.expect(f"Contact sheet: {tmp_path}/cache/soutu/sheet.png")
    terminal.expect("looks like it")
    with Image.open(tmp_path / "cache" / "soutu" / "sheet.png") as sheet:
        assert difference(sheet.convert("RGB"), expected_sheet(client, "火箭", (9999, 9999))) == 0
    assert stat.S_IMODE((tmp_path / "cache" / "soutu" / "sheet.png").stat().st_mode) == 0o600
    plain = re.sub(rb"\x1b\[[0-9;]*m|\x1b\[\?2004[hl]|\x1b\[[0-9]*[KCPJ]", b"", terminal.shown)  # colours, and readline's own
    asked = [b"\x1b[16t", b"\x1b[c"] if "TERM" not in environment or "kitty" not in environment["TERM"] else None
    if environment.get("TERM") == "dumb" or "SOUTU_GRAPHICS" in environment:
        asked = []
    if asked is not None:
        assert re.findall(rb"\x1b[^\r\n ]*?[a-zA-Z\\]", plain) == asked


def test_what_was_found_is_opened_shown_saved_and_searched_by(
    at_terminal: Open, service: Any, album: list[str], tmp_path: Path
) -> None:
    terminal = at_terminal(PLAIN_TERMINAL, columns=200)
    terminal.type("火箭 /from 2019 /folder trip\n")
    terminal.expect("looks like it")
    terminal.expect(f"[2019– trip] {PROMPT}")
    asked = service.library.asked(search_service_pb2.SearchPhotosRequest)[-1]
    assert [term.text for term in asked.terms] == ["火箭"]
    assert (asked.filter.taken_from, list(asked.filter.folders)) == ("2019", ["trip"])
    terminal.type("/从\n")
    terminal.expect(f"[trip] {PROMPT}")
    terminal.type("/清除\n")
    terminal.expect("looks like it")
    terminal.expect(PROMPT)

    terminal.type("2\n")
    terminal.expect("There is no program to show it; the original is ")
    path = tmp_path / "cache" / "soutu" / "originals" / album[1]
    assert next(path.iterdir()).read_bytes() == service.library.contents[album[1]]
    terminal.expect(PROMPT)
    terminal.type("/show 3\n")
    terminal.expect(album[2])
    terminal.expect(PROMPT)
    terminal.type(f"/save 1 3 {tmp_path}/out\n")
    terminal.expect("Original saved as")
    terminal.expect("Original saved as")
    terminal.expect(PROMPT)
    saved = {file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert saved == {service.library.contents[album[0]], service.library.contents[album[2]]}
    terminal.type("/相似 2\n")
    terminal.expect("looks like it")
    terminal.expect(PROMPT)
    assert service.library.asked(search_service_pb2.SearchPhotosRequest)[-1].terms[0].photo_id == album[1]
    terminal.type("/open 99\n")
    terminal.expect("which one? Write a number from 1 to 5")
    terminal.type("/nonsense\n")
    terminal.expect("there is no /nonsense; /help lists what there is")
    terminal.type("-狗\n")
    terminal.expect("--not alone finds nothing")
    terminal.type("空\n")
    terminal.expect("Nothing found")
    terminal.type("/help\n")
    terminal.expect("/quit")
    terminal.type("/quit\n")
    assert terminal.wait() == 0


def test_more_goes_on_where_the_page_ended(at_terminal: Open, client: Client, make_photos: MakePhotos) -> None:
    client.add(make_photos("a", [f"{number:02}.jpg" for number in range(13)]))
    terminal = at_terminal(PLAIN_TERMINAL)
    terminal.type("x\n")
    terminal.expect("There are more: /more")
    terminal.expect(PROMPT)
    terminal.type("/more\n")
    shown = terminal.expect(PROMPT)
    assert re.findall(rb"\n *(1[0-9]) ", shown) == [b"11", b"12", b"13"]
    terminal.type("/more\n")
    terminal.expect("there are no more")


def test_a_service_that_goes_away_is_said_once_and_waited_for(at_terminal: Open, service: Any, album: list[str]) -> None:
    terminal = at_terminal(PLAIN_TERMINAL)
    service.stop()
    terminal.type("火箭\n")
    terminal.expect("cannot reach the search service")
    terminal.expect("Waiting for it, to go on by itself")
    time.sleep(2)
    service.start()
    shown = terminal.expect("looks like it")
    assert b"cannot reach" not in shown
    terminal.expect(PROMPT)
    service.stop()
    terminal.type("狗\n")
    terminal.expect("Waiting for it")
    terminal.type("\x03")
    terminal.expect("stopped")
    terminal.expect(PROMPT)
    terminal.type("\x04")
    assert terminal.wait() == 0
    assert b"Traceback" not in terminal.shown


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_leave_cleanly(at_terminal: Open, key: str) -> None:
    terminal = at_terminal(PLAIN_TERMINAL)
    until = time.monotonic() + PATIENCE
    while terminal.is_running and time.monotonic() < until:
        terminal.type(key)  # again: readline passes over an interrupt in the instant in which it begins to read
        time.sleep(0.5)
    assert terminal.wait() == 0
    assert b"Traceback" not in terminal.shown


def test_lines_of_other_days_come_back_and_nobody_else_reads_them(at_terminal: Open, album: list[str], tmp_path: Path) -> None:
    terminal = at_terminal(PLAIN_TERMINAL)
    terminal.type("雪地里的狗\n")
    terminal.expect("looks like it")
    terminal.expect(PROMPT)
    terminal.signal(signal.SIGKILL)  # as when the window is closed
    history = tmp_path / "state" / "soutu" / "history"
    assert "雪地里的狗" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    again = at_terminal(PLAIN_TERMINAL)
    again.type("\x1b[A")  # the key up
    again.expect("雪地里的狗")
    again.type("\n")
    again.expect("looks like it")


def test_what_is_typed_while_the_terminal_is_asked_is_kept(at_terminal: Open, album: list[str]) -> None:
    terminal = at_terminal({b"\x1b[c": "火".encode() + b"\x1b[?62c"})
    terminal.type("箭\n")
    terminal.expect("火箭")
    terminal.expect("looks like it")


def test_what_the_service_refuses_leaves_everything_as_it_was(at_terminal: Open, service: Any, album: list[str]) -> None:
    terminal = at_terminal(PLAIN_TERMINAL)
    terminal.type("火箭\n")
    terminal.expect("looks like it")
    terminal.expect(PROMPT)
    service.library.failures = [InvalidInput("BAD_DATE", zh="日期不对", en="this is no date")]
    terminal.type("狗 /from 去年\n")
    terminal.expect("this is no date")
    assert "[去年" not in terminal.expect(PROMPT).decode(), "no filter stands in the prompt"
    terminal.type("-雨 /folder trip\n")
    terminal.expect("--not alone finds nothing")
    assert "[trip" not in terminal.expect(PROMPT).decode()
    terminal.type("/show 3\n")
    terminal.expect(album[2])
    terminal.expect(PROMPT)
    terminal.type("/favourite\n")
    terminal.expect("looks like it")
    asked = service.library.asked(search_service_pb2.SearchPhotosRequest)[-1]
    assert ([term.text for term in asked.terms], asked.filter.taken_from) == (["火箭"], "")


def test_what_no_encoding_of_ours_holds_and_nobodys_home_end_nothing(at_terminal: Open, service: Any, album: list[str]) -> None:
    terminal = at_terminal(PLAIN_TERMINAL, environment={"PYTHONIOENCODING": "utf-8:strict"})  # as most locales have it
    terminal.write("雪地里的狗\n".encode("gb18030"))  # a terminal that is set to GBK
    terminal.expect("looks like it")
    terminal.expect(PROMPT)
    asked = service.library.asked(search_service_pb2.SearchPhotosRequest)[-1]
    assert [term.text for term in asked.terms] == ["雪地里的狗"]
    terminal.type("/save 1 ~nobody-of-this-name/photos\n")
    terminal.expect("no such file or folder: ~nobody-of-this-name/photos")
    terminal.expect(PROMPT)


def test_a_terminal_that_answers_late_writes_nothing_into_the_line(at_terminal: Open, service: Any, album: list[str]) -> None:
    terminal = at_terminal({})  # asked, and silent until the time is up
    terminal.write(SIXEL_TERMINAL[b"\x1b[c"] + b"\x1b[6;20;10t")
    terminal.type("火箭\n")
    terminal.expect("looks like it")
    asked = service.library.asked(search_service_pb2.SearchPhotosRequest)[-1]
    assert [term.text for term in asked.terms] == ["火箭"]


def test_numbers_are_ranks_a_folder_of_such_a_name_is_written_as_a_path_and_none_is_too_long(
    at_terminal: Open, album: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = at_terminal(PLAIN_TERMINAL)
    terminal.type("火箭\n")
    terminal.expect("looks like it")
    terminal.type("/save 1 2023\n")
    terminal.expect("a folder that is a number as ./2023")
    assert not (tmp_path / "2023").exists()
    assert not list(tmp_path.glob("*.jpg")), "nothing is saved by half"
    terminal.type("/save 1 ./2023\n")
    terminal.expect("Original saved as")
    assert len(list((tmp_path / "2023").iterdir())) == 1
    terminal.expect(PROMPT)
    for order in ("open", "save", "show"):
        terminal.type(f"/{order} ")
        for _ in range(11):
            terminal.type("9" * 400)
            terminal.expect("9" * 10)  # a part after the other: a terminal's queue is short
        terminal.type("\n")
        terminal.expect("rom 1 to 5")
        terminal.expect(PROMPT)
    assert terminal.is_running


def test_without_a_terminal_it_prints_the_help(service: Any) -> None:
    command = [sys.executable, "-c", "from soutu_client.cli.main import main; main()"]
    own = {**os.environ, "SOUTU_LANGUAGE": "en"}
    done = subprocess.run(command, input="狗\n", env=own, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("Usage: soutu")
    assert "\x1b" not in done.stdout
    assert not service.library.requests


def test_a_terminal_that_goes_away_ends_it(at_terminal: Open) -> None:
    terminal = at_terminal(PLAIN_TERMINAL)
    terminal.signal(signal.SIGHUP)
    assert terminal.wait() != 0
    eventually(lambda: b"Traceback" not in terminal.shown)
