"""A disk that is really full: a tmpfs of a few megabytes under the data folder."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE, eventually
from search_house import picture
from search_process import SearchProcess
from small_disk import NoSmallDisk, SmallDisk, small_disk
from soutu_client import BusyError, Client

_BYTES = 6 << 20
_QUICKLY = {"SOUTU_SEARCH_INGEST__RETRY_FIRST_SECONDS": "0.05", "SOUTU_SEARCH_INGEST__RETRY_MOST_SECONDS": "0.3"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "data").mkdir()
    try:
        with small_disk(tmp_path / "data", size_bytes=_BYTES) as disk:
            yield disk
    except NoSmallDisk as why:
        pytest.skip(f"no small disk can be mounted here: {why}")


@pytest.fixture
def start_there(environment: dict[str, str], disk: SmallDisk) -> Iterator[Callable[[], SearchProcess]]:
    started: list[SearchProcess] = []

    def start() -> SearchProcess:
        started.append(SearchProcess({**environment, **_QUICKLY}, within=disk.within))
        return started[-1]

    yield start
    for process in started:
        process.end()


def _files(folder: Path) -> list[Path]:
    pictures = [picture("红", 1), picture("绿", 2), picture("蓝", 3), picture("蓝", 4) + b"\0" * (1 << 20)]
    for number, data in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(data)
    return [folder / f"{number}.png" for number in range(len(pictures))]


def _is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BusyError, match="disk") as full:
        call()
    assert full.value.reason == "DISK_FULL"
    assert "\n" not in full.value.message


def test_full_disk_refuses_what_it_cannot_keep_serves_what_it_has_and_goes_on_when_there_is_room(
    start_there: Callable[[], SearchProcess], disk: SmallDisk, tmp_path: Path
) -> None:
    first, second, third, large = _files(tmp_path)
    process = start_there()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        photos = {client.upload(first).photo_id, client.upload(second).photo_id}
        eventually(lambda: client.status().photos_ready == 2)
        client.annotate(list(photos), caption="在海边")
        disk.fill()
        _is_refused(lambda: client.upload(third))
        _is_refused(lambda: client.upload(large))
        assert {hit.photo.photo_id for hit in client.search("红").hits} == photos
        assert client.thumbnail(next(iter(photos))).image[:2] == b"\xff\xd8"
        disk.make_room()
        photos |= {client.upload(third).photo_id, client.upload(large).photo_id}
        eventually(lambda: client.status().photos_ready == 4)
        assert {photo.photo_id for photo in client.list_photos().photos} == photos
    assert process.end() == 0


def test_service_that_is_killed_on_a_full_disk_has_everything_that_it_acknowledged_once_there_is_room(
    start_there: Callable[[], SearchProcess], disk: SmallDisk, tmp_path: Path
) -> None:
    acknowledged: dict[str, Path] = {}
    files = _files(tmp_path)
    process = start_there()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        for file in files[:2]:
            acknowledged[client.upload(file).photo_id] = file
        disk.fill()  # the two are not embedded yet, perhaps
        for file in files[2:]:
            with pytest.raises(BusyError, match="disk"):
                client.upload(file)
    process.end(signal.SIGKILL)
    disk.make_room()
    process = start_there()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        eventually(lambda: client.status().photos_ready == len(acknowledged))
        assert {photo.photo_id for photo in client.list_photos().photos} == set(acknowledged)
        for photo_id, file in acknowledged.items():
            with client.read_original(photo_id) as original:
                assert b"".join(original) == file.read_bytes()
        checked = list(client.watch_job(client.start_check().job_id, timeout_seconds=PATIENCE))[-1]
        assert {finding.kind for finding in checked.findings} <= {"OBJECT_NEW"}  # what was refused may be in the store
    assert process.end() == 0


def test_service_that_finds_no_room_to_start_says_so_in_one_line_and_has_everything_once_there_is(
    start_there: Callable[[], SearchProcess], disk: SmallDisk, tmp_path: Path
) -> None:
    first, second, *_ = _files(tmp_path)
    process = start_there()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        photo = client.upload(first).photo_id
        eventually(lambda: client.status().photos_ready == 1)
    process.end(signal.SIGKILL)
    disk.fill()
    process = start_there()
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert "disk does not take more" in line
    disk.make_room()
    process = start_there()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        assert [hit.photo.photo_id for hit in client.search("红").hits] == [photo]
        client.upload(second)
        eventually(lambda: client.status().photos_ready == 2)
    assert process.end() == 0
