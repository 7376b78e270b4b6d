"""The search service as a process: its ready line, its clear errors, and SIGKILL in the middle of the work."""

from __future__ import annotations

import resource
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from colour_encoder import ColourEncoder
from object_store import ObjectServer
from patience import PATIENCE, eventually
from search_house import photo_id_of, picture
from search_process import SearchProcess
from soutu_client import BusyError, Client, JobState, SoutuError
from soutu_services.runtime.program import RESTART_STATUS
from soutu_services.search.backups import Backups
from soutu_services.search.catalog import Catalog
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.store import S3Connection

_PHOTOS = 60

needs_limits = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux changes the limits of another process")


def test_sigkill_in_the_middle_of_the_ingest_loses_nothing_and_does_nothing_twice(
    start: Callable[..., SearchProcess],
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


def test_says_that_it_is_ready_and_stops_cleanly(start: Callable[..., SearchProcess]) -> None:
    process = start()
    address = process.wait_ready()
    assert process.output.count(f"ready on {address}") == 1
    assert process.end() == 0
    assert "Traceback" not in process.output


def test_second_service_on_the_same_folder_is_refused_in_one_line(start: Callable[..., SearchProcess], tmp_path: Path) -> None:
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


def test_port_in_use_is_one_clear_line(start: Callable[..., SearchProcess]) -> None:
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
def test_wrong_setting_is_one_line_that_names_it(start: Callable[..., SearchProcess], variable: str, value: str) -> None:
    process = start(**{variable: value})
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert variable in line
    assert value not in line


def test_data_folder_that_cannot_be_written_is_one_clear_line(start: Callable[..., SearchProcess], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = start(SOUTU_SEARCH_DATA_FOLDER=str(tmp_path / "file" / "data"))
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert "data folder cannot be written" in line
    assert str(tmp_path) not in line


def test_catalog_of_a_newer_soutu_is_left_alone(start: Callable[..., SearchProcess], tmp_path: Path) -> None:
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


def test_damaged_catalog_is_one_line_that_says_what_to_do_and_a_backup_put_there_mends_it(
    start: Callable[..., SearchProcess], tmp_path: Path
) -> None:
    process = start()
    data = picture("红")
    (tmp_path / "a.png").write_bytes(data)
    with Client(process.wait_ready(), timeout_seconds=PATIENCE) as client:
        client.upload(tmp_path / "a.png")
        eventually(lambda: client.status().photos_ready == 1)
        client.annotate([photo_id_of(data)], caption="在海边")
        client.create_backup(tmp_path / "soutu.backup")
    process.end()
    catalog = tmp_path / "data" / "catalog.sqlite3"
    torn = catalog.read_bytes()[:-70_000]
    catalog.write_bytes(torn)
    process = start()
    assert process.popen.wait(PATIENCE) == 1
    process.end()
    (line,) = process.output.strip().splitlines()
    assert "restore.tar" in line
    assert str(tmp_path) not in line
    assert catalog.read_bytes() == torn
    (tmp_path / "soutu.backup").rename(tmp_path / "data" / "restore.tar")
    process = start()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE) as client:
        assert client.photo(photo_id_of(data)).annotations.caption == "在海边"
    assert (tmp_path / "data" / "catalog-before-restore.sqlite3").read_bytes() == torn


def test_restore_ends_the_service_to_be_started_again(start: Callable[..., SearchProcess], tmp_path: Path) -> None:
    process = start()
    with Client(process.wait_ready(), timeout_seconds=PATIENCE) as client:
        client.create_backup(tmp_path / "soutu.backup")
        assert client.restore_backup(tmp_path / "soutu.backup", wait_seconds=0).photos == 0
    assert process.popen.wait(PATIENCE) == RESTART_STATUS
    process.end()
    assert process.output.strip().splitlines()[-1] == "the service has ended; it is to be started again"
    assert "Traceback" not in process.output


@needs_limits
def test_disk_that_takes_no_more_costs_nothing_but_time(start: Callable[..., SearchProcess], tmp_path: Path) -> None:
    """The kernel refuses the process's writes beyond a size (RLIMIT_FSIZE), as it does on a full disk or over a quota."""
    process = start(SOUTU_SEARCH_INGEST__RETRY_FIRST_SECONDS="0.05", SOUTU_SEARCH_INGEST__RETRY_MOST_SECONDS="0.3")
    address = process.wait_ready()
    pictures = [picture("红", number) for number in range(4)]
    large = picture("蓝") + b"\0" * (9 << 20)  # goes through a file in the data folder
    for number, data in enumerate([*pictures, large]):
        (tmp_path / f"{number}.png").write_bytes(data)
    with Client(address, timeout_seconds=PATIENCE, language="en") as client:
        photos = {client.upload(tmp_path / "0.png").photo_id}
        eventually(lambda: client.status().photos_ready == 1)
        _limit_files(process, 1)
        for refused in (
            lambda: client.upload(tmp_path / "1.png"),
            lambda: client.upload(tmp_path / "4.png"),
            lambda: client.annotate(list(photos), caption="在海边"),
            client.start_sync,
            lambda: client.create_backup(tmp_path / "full.backup"),
            lambda: client.restore_backup(_backup(tmp_path), wait_seconds=0),
        ):
            with pytest.raises(BusyError, match="disk") as full:
                refused()
            assert full.value.reason == "DISK_FULL"
            assert "\n" not in full.value.message
        assert not (tmp_path / "full.backup").exists()
        assert {photo.photo_id for photo in client.list_photos().photos} == photos
        assert [hit.photo.photo_id for hit in client.search("红").hits] == list(photos)
        _limit_files(process, resource.RLIM_INFINITY)
        photos |= {client.upload(tmp_path / f"{number}.png").photo_id for number in range(1, 5)}
        list(client.watch_job(client.start_sync().job_id, timeout_seconds=PATIENCE))
        eventually(lambda: client.status().photos_ready == len(photos) == 5)
        assert client.create_backup(tmp_path / "full.backup").photos == 5
    assert process.end() == 0


@needs_limits
def test_ingest_goes_on_by_itself_once_there_is_room(
    start: Callable[..., SearchProcess], environment: dict[str, str], object_server: ObjectServer, encoder: ColourEncoder
) -> None:
    connection = S3Connection(object_server.settings)
    bucket = connection.bucket(environment["SOUTU_SEARCH_PHOTOS_BUCKET"])
    bucket.ensure_bucket()
    for number in range(5):
        bucket.put(f"{number}.png", picture("红", number))
    connection.close()
    encoder.gate.clear()
    process = start(SOUTU_SEARCH_INGEST__RETRY_FIRST_SECONDS="0.05", SOUTU_SEARCH_INGEST__RETRY_MOST_SECONDS="0.3")
    with Client(process.wait_ready(), timeout_seconds=PATIENCE, language="en") as client:
        job = client.start_sync()
        eventually(lambda: client.job(job.job_id).photos_total == 5)
        _limit_files(process, 1)
        encoder.gate.set()
        eventually(lambda: "disk does not take more" in process.output)
        assert client.status().photos_unreadable == 0
        _limit_files(process, resource.RLIM_INFINITY)
        eventually(lambda: client.status().photos_ready == 5)
        eventually(lambda: client.job(job.job_id).state is not JobState.RUNNING)
        assert len(client.search("红").hits) == 5
    assert process.end() == 0


def _limit_files(process: SearchProcess, size_bytes: int) -> None:
    """Let a process write no file beyond a size."""
    _, most = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size_bytes, most))


def _backup(folder: Path) -> Path:
    """Make a backup of an empty library, elsewhere."""
    data = DataFolder.open(folder / "elsewhere")
    with (
        Catalog.open(data.catalog) as catalog,
        Backups(catalog, data, on_staged=lambda: None).make(is_wanted=lambda: True) as backup,
    ):
        (folder / "elsewhere.backup").write_bytes(b"".join(backup.parts))
    data.close()
    return folder / "elsewhere.backup"
