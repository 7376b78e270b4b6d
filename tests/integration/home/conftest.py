"""A real house in a process of its own, as ``make run`` starts it, on free ports and over a library that is thrown away."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from loopback_ports import free_address
from patience import PATIENCE

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
READY = "接下来"
START_SECONDS = 2 * PATIENCE


@dataclass
class HouseProcess:
    """``python -m soutu_services.home`` and what it has said so far."""

    environment: dict[str, str]
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.environment["SOUTU_SEARCH_LISTEN"]

    @property
    def library(self) -> Path:
        return Path(self.environment["SOUTU_HOME_LIBRARY"])

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def programs(self) -> dict[str, int]:
        """Process ids of its programs, by a word of their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, ValueError):
                continue
            if parent == self.process.pid:
                words = ("soutu_services.search", "soutu_services.embedding", "folders:", "serve s3")
                found[next((word for word in words if word in command), command)] = int(folder.name)
        return found

    def wait_for(self, text: str) -> None:
        assert eventually(lambda: text in self.said or self.process.poll() is not None, START_SECONDS), self.said
        assert text in self.said, self.said

    def stop(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    services = ("SEARCH_LISTEN", "SEARCH_METRICS_LISTEN", "EMBEDDING_LISTEN", "EMBEDDING_METRICS_LISTEN")
    variables = {
        f"SOUTU_{name}": free_address() for name in (*services, "WEB_LISTEN", "HOME_STORE_LISTEN", "HOME_IN_PLACE_LISTEN")
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
    return {**inherited, **variables, "SOUTU_LANGUAGE": "zh", "SOUTU_HOME_LIBRARY": str(tmp_path / "资料 库")}


@pytest.fixture
def start_house(environment: dict[str, str]) -> Iterator[Callable[..., HouseProcess]]:
    houses: list[HouseProcess] = []

    def start(**settings: str) -> HouseProcess:
        variables = environment | {f"SOUTU_HOME_{name.upper()}": value for name, value in settings.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "soutu_services.home"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        house = HouseProcess(variables, process)
        threading.Thread(target=lambda: house.lines.extend(iter(process.stdout.readline, "")), daemon=True).start()  # type: ignore[union-attr]
        houses.append(house)
        return house

    yield start
    for house in houses:
        if house.process.poll() is None:
            house.process.terminate()
            try:
                house.process.wait(PATIENCE)
            finally:
                house.process.kill()
        assert eventually(lambda house=house: house.process.stdout is None or house.process.poll() is not None)  # type: ignore[misc]
        if house.process.stdout is not None:
            house.process.stdout.close()
