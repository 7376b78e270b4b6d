"""``soutu open``: originals in the system's viewer, and the web page."""

import http.server
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import eventually
from soutu_client import Client

MakePhotos = Callable[..., Path]
Soutu = Callable[..., int]


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], str]:
    """Give the computer a screen and a viewer, and return a function that says what the viewer was to show."""
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/shown.part && mv {tmp_path}/shown.part {tmp_path}/shown\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")

    def shown() -> str:
        eventually((tmp_path / "shown").exists)
        return (tmp_path / "shown").read_text()

    return shown


def test_a_photo_is_opened_by_its_id(
    service: Any, soutu: Soutu, make_photos: MakePhotos, viewer: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", make_photos("a", ["奶奶.jpg"]))
    photo_id, content = next(iter(service.library.contents.items()))
    capsys.readouterr()
    assert soutu("open", photo_id[:8]) == 0
    path = Path(viewer())
    assert path.read_bytes() == content
    assert path.name == "奶奶.jpg"
    assert f"Opened {path}" in capsys.readouterr().out
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_without_a_screen_it_says_where_the_original_is(
    service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", make_photos("a", ["1.jpg"]))
    photo_id = next(iter(service.library.photos))
    capsys.readouterr()
    assert soutu("open", photo_id, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["photo_id"], answer["opened"]) == (photo_id, False)
    assert soutu("open", photo_id) == 0
    assert f"There is no program to show it; the original is {answer['path']}" in capsys.readouterr().out


def test_a_rank_of_the_last_search_is_enough(
    service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert soutu("open", "1") == 2
    assert "nothing was searched for yet" in capsys.readouterr().err
    soutu("add", make_photos("a", ["1.jpg", "2.jpg", "3.jpg"]))
    capsys.readouterr()
    soutu("search", "x", "--json")
    second = json.loads(capsys.readouterr().out)["hits"][1]["hit"]["photo"]["photo_id"]
    assert soutu("open", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["photo_id"] == second
    assert soutu("open", "4") == 2
    assert "the last search found 3 photos" in capsys.readouterr().err
    assert soutu("open", "2", "--address", f"localhost:{service.address.rpartition(':')[2]}") == 2, "another library"
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
    assert soutu("search", "x") == 0, "where nothing can be remembered, a search works all the same"


def test_a_name_decides_nothing_about_the_program(
    soutu: Soutu, client: Client, make_photos: MakePhotos, viewer: Callable[[], str]
) -> None:
    photo_id = client.upload(make_photos("a", ["1.jpg"]) / "1.jpg", name="a/../run-me.desktop").photo_id
    assert soutu("open", photo_id) == 0
    assert Path(viewer()).name == "run-me.desktop.jpg"


@pytest.mark.parametrize("name", ["script.svg", "archive.jpg.gz"])
def test_a_drawing_or_an_archive_is_no_picture(
    soutu: Soutu, client: Client, make_photos: MakePhotos, viewer: Callable[[], str], name: str
) -> None:
    photo_id = client.upload(make_photos("a", ["1.jpg"]) / "1.jpg", name=f"a/{name}").photo_id
    assert soutu("open", photo_id) == 0
    assert Path(viewer()).name == f"{name}.jpg"


def test_what_was_opened_long_ago_is_removed(soutu: Soutu, make_photos: MakePhotos, service: Any, tmp_path: Path) -> None:
    soutu("add", make_photos("a", ["1.jpg", "2.jpg"]))
    one, two = service.library.photos
    soutu("open", one)
    path = next((tmp_path / "cache" / "soutu" / "originals" / one).iterdir())
    week = time.time() - 8 * 24 * 3600
    os.utime(path, (week, week))
    (tmp_path / "cache" / "soutu" / "originals" / ".DS_Store").touch()
    assert soutu("open", two) == 0
    assert {each.name for each in (tmp_path / "cache" / "soutu" / "originals").iterdir()} == {two, ".DS_Store"}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Return a function that serves a page where the command looks for it."""
    content = [b""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[0])

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr("soutu_client.cli.web_page._PORT", server.server_port)
    yield lambda page: content.__setitem__(0, page)
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_photo_the_page_is_opened(
    soutu: Soutu, page: Callable[[bytes], None], viewer: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    page(b"another program's page")
    assert soutu("open") == 4
    assert "the web page was not found" in capsys.readouterr().err
    page(b"<meta content='soutu'>")
    assert soutu("open") == 0
    url = capsys.readouterr().out.strip().rpartition(" ")[2]
    assert viewer() == url
    assert url.startswith("http://127.0.0.1:")
