"""``soutu-frame`` as a program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from home_certificates import HomeCertificates
from integration.client.test_discovery import LOOKING, serving
from patience import PATIENCE
from search_house import SearchHouse


def start(tmp_path: Path, *python: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SOUTU_", "SDL_"))}
    given = {
        "SOUTU_LANGUAGE": "en",
        "SDL_VIDEODRIVER": "dummy",
        "SOUTU_FRAME_SIZE": "320x240",
        "SOUTU_FRAME_LISTEN": "none",
        "SOUTU_FRAME_LOG_LEVEL": "debug",
        "SOUTU_FRAME_CACHE_FOLDER": str(tmp_path / "cache"),
        **environment,
    }
    command = [sys.executable, *(python or ("-m", "soutu_client.frame"))]
    return subprocess.Popen(command, env={**clean, **given}, stderr=subprocess.PIPE, text=True)


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
        ({"SDL_VIDEODRIVER": "kmsdrm"}, 1, "no display can be used"),
        ({"SDL_VIDEODRIVER": "nonsense"}, 1, "no display can be used"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, settings: dict[str, str], status: int, said: str) -> None:
    process = start(tmp_path, **settings)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == status
    (line,) = error.splitlines()
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


@pytest.mark.skipif(sys.platform != "linux", reason="its loopback interface takes multicast")
def test_without_an_address_it_finds_the_service_of_the_home(tmp_path: Path) -> None:
    certificates = HomeCertificates(tmp_path)
    with serving(tmp_path, certificates, "127.0.0.1") as service:
        process = start(
            tmp_path,
            **LOOKING,
            SOUTU_AUTHORITY=str(certificates.authority),
            SOUTU_TOKEN_FILE=str(tmp_path / "data" / "admin-token"),
            SOUTU_FRAME_LISTEN="none",
        )
        assert process.stderr is not None
        connections = f":{service.address.rpartition(':')[2]}"
        list_file = tmp_path / "cache"
        for _ in range(int(PATIENCE * 20)):
            if list(list_file.glob("list-*.json")):
                break
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
        assert list(list_file.glob("list-*.json")), said
        assert connections and "cannot reach" not in said
