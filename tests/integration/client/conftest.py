"""Services to test the client with: one in memory that can be made to fail, and the real ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from loopback_ports import free_address
from memory_service import MemoryService
from object_store import serve_folder
from patience import PATIENCE
from soutu_client import Client, SoutuError
from soutu_client.cli.main import run

_START_SECONDS = 2 * PATIENCE


@pytest.fixture
def service() -> Iterator[MemoryService]:
    running = MemoryService()
    yield running
    running.stop()


@pytest.fixture
def client(service: MemoryService) -> Iterator[Client]:
    with Client(service.address, timeout_seconds=PATIENCE, language="en") as connected:
        yield connected


@pytest.fixture
def make_photos(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes small pictures of different contents into a folder."""

    def make(folder: str, names: Sequence[str]) -> Path:
        base = tmp_path / folder
        for number, name in enumerate(names):
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (number % 256, 80, 120)).save(path)
            path.write_bytes(path.read_bytes() + f"{folder}/{name}".encode())  # no two have the same content
        return base

    return make


@pytest.fixture
def soutu(service: MemoryService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Return a function that runs a command line on a computer without a screen."""
    monkeypatch.setenv("SOUTU_ADDRESS", service.address)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: run(["--timeout", str(PATIENCE), *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def real_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the object store, the embedding service with its default model, and the search service; give its address."""
    folder = tmp_path_factory.mktemp("library")
    search, embedding = free_address(), free_address()
    with ExitStack() as running:
        (folder / "store").mkdir()
        store = running.enter_context(serve_folder(folder / "store")).settings
        own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        own |= {
            "SOUTU_EMBEDDING_LISTEN": embedding,
            "SOUTU_EMBEDDING_METRICS_LISTEN": "",
            "SOUTU_SEARCH_LISTEN": search,
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_DATA_FOLDER": str(folder / "catalog"),
            "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding,
            "SOUTU_SEARCH_STORE__URL": store.url,
            "SOUTU_SEARCH_STORE__ACCESS_KEY": store.access_key,
            "SOUTU_SEARCH_STORE__SECRET_KEY": store.secret_key.get_secret_value(),
        }
        for name in ("embedding", "search"):
            log = running.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen([sys.executable, "-m", f"soutu_services.{name}"], env=own, stdout=log, stderr=log)
            running.callback(_stop, process)
        _wait_until_embedding(search, folder)
        yield search


def _wait_until_embedding(address: str, folder: Path) -> None:
    limit = time.monotonic() + _START_SECONDS
    with Client(address, timeout_seconds=PATIENCE) as client:
        while time.monotonic() < limit:
            try:
                if client.status().embedder.available:
                    return
            except SoutuError:
                pass
            time.sleep(0.2)
    logs = "\n".join(path.read_text() for path in folder.glob("*.log"))
    raise AssertionError(f"the services did not start:\n{logs}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
