"""``soutu-frame`` as a program."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from frame_process import start
from patience import PATIENCE
from search_house import SearchHouse

without_screen = pytest.mark.skipif(Path("/dev/dri").exists(), reason="this machine has a screen that could be used")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_shows_photos_until_it_is_told_to_stop(house: SearchHouse, tmp_path: Path, ending: signal.Signals) -> None:
    process = start(tmp_path, SOUTU_FRAME_ADDRESS=house.address, SOUTU_FRAME_QUERIES="红")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("shown ")
    process.send_signal(ending)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"SOUTU_FRAME_INTERVAL_SECONDS": "never"}, 2, "SOUTU_FRAME_INTERVAL_SECONDS is not right"),
        ({"SOUTU_FRAME_QUERIES": "红;-人"}, 2, "SOUTU_FRAME_QUERIES is not right"),
        pytest.param({"SDL_VIDEODRIVER": "kmsdrm"}, 1, "no display can be used", marks=without_screen),
        ({"SDL_VIDEODRIVER": "nonsense"}, 1, "no display can be used"),
        pytest.param(
            {"SDL_VIDEODRIVER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}, 1, "no display can be used", marks=without_screen
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, settings: dict[str, str], status: int, said: str) -> None:
    process = start(tmp_path, **settings)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == status
    (line,) = [line for line in error.splitlines() if "XDG_RUNTIME_DIR" not in line]  # said by Wayland's library
    assert said in line


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pygame'] = None; from soutu_client.frame.__main__ import main; sys.exit(main())"
    process = start(tmp_path, "-c", program)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert error == "pygame is missing: install it with pip install 'soutu-client[pi]'\n"


def test_what_is_missing_beside_the_screen_is_a_line_and_it_goes_on(house: SearchHouse, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    process = start(
        tmp_path,
        SOUTU_FRAME_ADDRESS=house.address,
        SOUTU_FRAME_BUTTONS="next=5",
        SOUTU_FRAME_LISTEN="192.0.2.1:8405",
        SOUTU_FRAME_QUERIES="红",
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("shown "):
            break
    process.terminate()
    process.communicate(timeout=PATIENCE)
    said = "".join(lines)
    for each in ("the cache cannot be written", "GPIO buttons cannot be used", "page for phones cannot be served", "shown "):
        assert each in said
    assert len(lines) == 4
