"""The search service as a process: its ready line, its clear errors, and SIGKILL in the middle of the work."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from colour_encoder import ColourEncoder, ColourServer
from object_store import ObjectServer
from patience import PATIENCE, eventually
from search_house import photo_id_of, picture
from soutu_client import Client, JobState, SoutuError
from soutu_services.search.catalog import Catalog
from soutu_services.search.store import S3Connection

_PHOTOS = 60


class Process:
    """``python -m soutu_services.search`` with its standard error gathered."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._lines: list[str] = []
        self._ready = threading.Event()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "soutu_services.search"],
            env={**clean, "SOUTU_LANGUAGE": "en", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        with self.popen.stderr as lines:
            for line in lines:
                self._lines.append(line)
                ready = re.search(r"ready on (\S+)", line)
                if ready:
                    self.address = ready[1]
                    self._ready.set()
        self._ready.set()

    def wait_ready(self) -> str:
        assert self._ready.wait(PATIENCE)
        assert self.address, self.output
        return self.address

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(PATIENCE)
        finally:
            self.popen.kill()
            self.popen.wait()
            self._thread.join()


@pytest.fixture
def environment(
    tmp_path: Path, object_server: ObjectServer, colour_server: ColourServer, encoder: ColourEncoder
) -> dict[str, str]:
    store = object_server.settings
    bucket = tmp_path.name.replace("_", "-")[-40:].strip("-")
    return {
        "SOUTU_SEARCH_LISTEN": "127.0.0.1:0",
        "SOUTU_SEARCH_METRICS_LISTEN": "",
        "SOUTU_SEARCH_DATA_FOLDER": str(tmp_path / "data"),
        "SOUTU_SEARCH_STORE__URL": store.url,
        "SOUTU_SEARCH_STORE__ACCESS_KEY": store.access_key,
        "SOUTU_SEARCH_STORE__SECRET_KEY": store.secret_key.get_secret_value(),
        "SOUTU_SEARCH_PHOTOS_BUCKET": f"{bucket}-photos",
        "SOUTU_SEARCH_THUMBNAILS_BUCKET": f"{bucket}-thumbs",
        "SOUTU_SEARCH_RECYCLE_BUCKET": f"{bucket}-recycle",
        "SOUTU_SEARCH_EMBEDDING_ADDRESS": colour_server.address,
        "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
        "SOUTU_SEARCH_GRACE_SECONDS": str(PATIENCE),
        "SOUTU_SEARCH_INGEST__BATCH_PHOTOS": "4",
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start_process(**more: str) -> Process:
            process = Process({**environment, **more})
            stack.callback(process.end)
            return process

        yield start_process


def test_sigkill_in_the_middle_of_the_ingest_loses_nothing_and_does_nothing_twice(
    start: Callable[..., Process],
    environment: dict[str, str],
    object_server: ObjectServer,
    encoder: ColourEncoder,
    tmp_path: Path,
) -> None:
    connection = S3Connection(object_server.settings)
    bucket = connection.bucket(environment["SOUTU_SEARCH_PHOTOS_BUCKET"])
    bucket.ensure_bucket()
    pictures = [picture("红", number) for number in range(_PHOTOS)]
    for number, data in enumerate(pictures[: _PHOTOS // 2]):
        bucket.put(f"dropped/{number}.png", data)
    connection.close()
    acknowledged: set[str] = set()
    process = start()
    job_id = ""
    for kill_at in (8, 25):
        with Client(process.wait_ready(), timeout_seconds=PATIENCE) as client:
            job_id = client.start_sync().job_id
            sender = threading.Thread(target=_send, args=(client, pictures[_PHOTOS // 2 :], tmp_path, acknowledged))
            sender.start()
            eventually(lambda at=kill_at, of=client: of.status().photos_ready >= at)  # type: ignore[misc]
            process.end(signal.SIGKILL)
            sender.join()
        process = start()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE) as client:
        assert client.job(job_id).state in (JobState.RUNNING, JobState.SUCCEEDED)
        _send(client, pictures[_PHOTOS // 2 :], tmp_path, acknowledged)
        list(client.watch_job(client.start_sync().job_id, timeout_seconds=PATIENCE))
        eventually(lambda: client.status().photos_ready == _PHOTOS)
        status = client.status()
        assert (status.photos, status.photos_pending, status.index.vectors) == (_PHOTOS, 0, _PHOTOS)
        listed = client.list_photos(page_size=1000).photos
        assert {photo.photo_id for photo in listed} == {photo_id_of(data) for data in pictures}
        assert acknowledged <= {photo.photo_id for photo in listed}
        assert all(sum(name.present for name in photo.names) == 1 for photo in listed)
        eventually(lambda: len(client.search("红", page_size=200).hits) == _PHOTOS)
    assert process.end() == 0
    with Catalog.open(tmp_path / "data" / "catalog.sqlite3") as catalog:
        batches = list(catalog.embeddings.iterate("colours"))
    photo_ids = [photo_id for batch in batches for photo_id in batch.photo_ids]
    assert len(photo_ids) == len(set(photo_ids)) == _PHOTOS
    assert encoder.images_embedded <= _PHOTOS + 2 * 4 * 4  # what was under way at a kill, at most, is done again


def test_says_that_it_is_ready_and_stops_cleanly(start: Callable[..., Process]) -> None:
    process = start()
    address = process.wait_ready()
    assert process.output.count(f"ready on {address}") == 1
    assert process.end() == 0
    assert "Traceback" not in process.output


def test_second_service_on_the_same_folder_is_refused_in_one_line(start: Callable[..., Process], tmp_path: Path) -> None:
    address = start().wait_ready()
    second = start()
    assert second.popen.wait(PATIENCE) == 1
    assert second.end() == 1
    assert second.output.strip() == (
        "another search service uses this data folder; stop it first, or set SOUTU_SEARCH_DATA_FOLDER"
    )
    large = picture("红") + b"\0" * (9 << 20)  # goes through a file in the data folder
    (tmp_path / "large.png").write_bytes(large)
    with Client(address, timeout_seconds=PATIENCE) as client:
        assert client.upload(tmp_path / "large.png").photo_id == photo_id_of(large)


def test_port_in_use_is_one_clear_line(start: Callable[..., Process]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start(SOUTU_SEARCH_LISTEN=address)
        assert process.popen.wait(PATIENCE) == 1
    process.end()
    assert address in process.output
    assert len(process.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOUTU_SEARCH_SYNC__GONE_SHARE", "7"),
        ("SOUTU_SEARCH_SOURCES", '[{"name": "photos", "bucket": "taken-name"}]'),
        ("SOUTU_SEARCH_STORE__URL", "not an address"),
        ("SOUTU_SEARCH_RECYCLE_BUCKET", "Bad Bucket"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(start: Callable[..., Process], variable: str, value: str) -> None:
    process = start(**{variable: value})
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert variable in line
    assert value not in line


def test_data_folder_that_cannot_be_written_is_one_clear_line(start: Callable[..., Process], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = start(SOUTU_SEARCH_DATA_FOLDER=str(tmp_path / "file" / "data"))
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert "data folder cannot be written" in line
    assert str(tmp_path) not in line


def test_catalog_of_a_newer_soutu_is_left_alone(start: Callable[..., Process], tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "data").mkdir()
    catalog = sqlite3.connect(tmp_path / "data" / "catalog.sqlite3")
    catalog.execute("PRAGMA user_version = 999")
    catalog.close()
    process = start()
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert "newer soutu" in line


def _send(client: Client, pictures: list[bytes], folder: Path, acknowledged: set[str]) -> None:
    """Upload until the service is gone, and note what it acknowledged."""
    for number, data in enumerate(pictures):
        path = folder / f"{number}.png"
        path.write_bytes(data)
        try:
            acknowledged.add(client.upload(path, name=f"sent/{number}.png").photo_id)
        except SoutuError:
            return
