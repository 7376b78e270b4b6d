"""Bad input on the command line, against the real services: each has its one clear line, and nothing beside it is lost."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from patience import PATIENCE
from soutu_client import Client
from soutu_client.cli.main import run

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
Soutu = Callable[..., int]


@pytest.fixture
def soutu(real_service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Soutu:
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("SOUTU_ADDRESS", real_service)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *arguments: run(["--timeout", str(PATIENCE), *map(str, arguments)])


def line_with(text: str, shown: str) -> str:
    """Return the one line that says something."""
    (line,) = [line for line in shown.splitlines() if text in line]
    return " ".join(line.split())


def test_a_file_of_300_mb_is_refused_and_its_neighbour_added(
    soutu: Soutu, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    shutil.copy(SAMPLES / "chelsea.jpg", folder)
    with (folder / "huge.jpg").open("wb") as file:
        file.write((SAMPLES / "rocket.jpg").read_bytes())
        file.truncate(300 * 1024 * 1024)
    assert soutu("add", folder) == 5
    out, err = capsys.readouterr()
    assert "1 new photo added" in out
    assert "failed: 1 file" in out
    assert "huge.jpg the file is larger than the limit of 256 MiB" in line_with("huge.jpg", out)
    assert "Traceback" not in out + err


def test_a_text_named_jpg_is_named_with_its_reason(soutu: Soutu, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.jpg").write_text("dear grandmother")
    shutil.copy(SAMPLES / "flower.jpg", tmp_path / "flower.jpg")
    assert soutu("add", tmp_path / "letter.jpg", tmp_path / "flower.jpg") == 0
    out = capsys.readouterr().out
    assert "unreadable: 1" in out
    assert "not a picture" in line_with("letter.jpg", out)
    assert soutu("similar", tmp_path / "letter.jpg") == 1
    err = capsys.readouterr().err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


def test_an_svg_is_named_with_its_reason(soutu: Soutu, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
    (tmp_path / "drawing.svg").write_text(svg)
    (tmp_path / "drawing.jpg").write_text(svg)
    assert soutu("add", tmp_path / "drawing.svg") == 3
    assert capsys.readouterr().out == "ignored: 1 file that is no photo (.svg 1)\n"
    assert soutu("add", tmp_path / "drawing.jpg") == 0
    assert "not a picture" in line_with("drawing.jpg", capsys.readouterr().out)
    assert soutu("similar", tmp_path / "drawing.svg") == 1
    assert line_with("Error: ", capsys.readouterr().err)


def test_a_query_of_ten_thousand_characters_is_one_line(soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    assert soutu("search", "狗" * 10_000) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert len(err) < 300
    assert "characters" in err


def test_an_emoji_is_a_query_like_any_other(
    soutu: Soutu, real_service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.jpg"  # the library is shared: another test's photo would have that one's name
    Image.open(SAMPLES / "chelsea.jpg").rotate(180).save(own)
    with Client(real_service, timeout_seconds=PATIENCE) as client:
        photo_id = client.upload(own, name="🐱 在家.jpg").photo_id
        assert client.wait_until_ready([photo_id], timeout_seconds=PATIENCE).ready
    assert soutu("search", "🐱") == 0
    assert "🐱 在家.jpg" in capsys.readouterr().out
    assert soutu("search", "👨‍👩‍👧‍👦🏳️‍🌈") in (0, 3)
    assert "Error" not in capsys.readouterr().err


class CutLine:
    """A line to a service that is cut, for all who use it, after so many bytes were sent; what connects later gets through."""

    def __init__(self, target: str, *, after_bytes: int) -> None:
        self._target = target.rpartition(":")
        self._left = after_bytes
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((self._target[0], int(self._target[2])))
            self._sockets += [near, far]
            threading.Thread(target=self._pass, args=(near, far), kwargs={"is_counted": True}, daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near), kwargs={"is_counted": False}, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, *, is_counted: bool) -> None:
        try:
            while some := source.recv(65536):
                if is_counted and self._left > 0:
                    self._left -= len(some)
                    if self._left <= 0:
                        self.cuts += 1
                        self._cut()
                        return
                target.sendall(some)
        except OSError:
            pass


@pytest.fixture
def cut_line(real_service: str) -> Iterator[CutLine]:
    line = CutLine(real_service, after_bytes=1_500_000)
    yield line
    line.stop()


def test_a_connection_lost_in_the_middle_of_an_upload_is_taken_up_again(
    soutu: Soutu, cut_line: CutLine, real_service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "trip"
    folder.mkdir()
    big = (SAMPLES / "astronaut.jpg").read_bytes() + os.urandom(4_000_000)
    (folder / "big.jpg").write_bytes(big)
    shutil.copy(SAMPLES / "rocket.jpg", folder)
    assert soutu("add", folder, "--address", cut_line.address) == 0
    out, err = capsys.readouterr()
    assert cut_line.cuts == 1
    assert "2 new photos added" in out
    assert line_with("waiting: ", err)
    with Client(real_service, timeout_seconds=PATIENCE) as client:
        (hit,) = [hit for hit in client.search("trip").hits if hit.photo.name == "trip/big.jpg"]
        assert client.read_original(hit.photo.photo_id).read() == big
