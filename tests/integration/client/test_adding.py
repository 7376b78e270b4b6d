"""Adding folders over real gRPC, with the service going away and files that misbehave."""

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from soutu.search.v1 import photo_service_pb2

from patience import PATIENCE
from soutu_client import AddProgress, Client, FileChangedError, ReadyProgress, UnavailableError
from soutu_client._calls import Calls
from soutu_client._upload import FileContent, upload_content

MakePhotos = Callable[..., Path]


def names(service: Any) -> list[str]:
    return sorted(name.name for photo in service.library.photos.values() for name in photo.names)


def uploads(service: Any) -> int:
    return len(service.library.asked(photo_service_pb2.UploadHeader))


def test_names_begin_with_the_added_folder(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("旅行", ["青海/湖.jpg", "山.jpg"])
    result = client.add(folder)
    assert names(service) == ["旅行/山.jpg", "旅行/青海/湖.jpg"]
    assert len(result.added) == 2
    assert all(file.created for file in result.added)


def test_what_is_there_is_not_sent_again_but_its_new_name_is_told(
    service: Any, client: Client, make_photos: MakePhotos, tmp_path: Path
) -> None:
    folder = make_photos("旅行", ["山.jpg", "湖.jpg"])
    client.add(folder)
    folder.rename(tmp_path / "青海之行")
    result = client.add(tmp_path / "青海之行")
    assert uploads(service) == 2
    assert (len(result.added), len(result.known)) == (0, 2)
    assert "青海之行/湖.jpg" in names(service)


def test_the_same_content_twice_is_sent_once_and_keeps_both_names(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", ["one.jpg"])
    for number in range(5):
        shutil.copy(folder / "one.jpg", folder / f"copy{number}.jpg")
    result = client.add(folder)
    assert uploads(service) == 1
    assert (len(result.added), len(result.known)) == (1, 5)
    assert len(names(service)) == 6


def test_a_deleted_photo_is_reported_and_stays_deleted(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", ["one.jpg"])
    photo_id = client.add(folder).added[0].photo_id
    client.delete([photo_id])
    result = client.add(folder)
    assert [file.photo_id for file in result.deleted] == [photo_id]
    assert client.photo(photo_id).deleted_at is not None


def test_non_photos_are_counted_whether_here_or_there(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", ["one.jpg", ".hidden.jpg", "@eaDir/thumb.jpg"])
    (folder / "one.json").write_text("{}")
    (folder / "strange.what").write_text("not a picture")
    result = client.add(folder)
    assert result.ignored == {".json": 1, ".jpg": 1, ".what": 1}
    assert len(result.added) == 1
    assert not result.failed


def test_a_file_that_fails_stops_no_other(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", [f"{number:03}.jpg" for number in range(300)])
    (folder / "150.jpg").unlink()
    (folder / "150.jpg").symlink_to("nowhere")
    service.library.refused_name = "042"

    def remove(now: AddProgress) -> None:
        (folder / "299.jpg").unlink(missing_ok=True)

    result = client.add(folder, on_progress=remove)
    failed = {problem.path.name: problem.message for problem in result.failed}
    assert failed == {
        "150.jpg": "the file does not exist, or was moved before it was read",
        "042.jpg": "bad name",
        "299.jpg": "the file does not exist, or was moved before it was read",
    }
    assert len(result.added) == 297


def test_a_file_that_changes_while_it_is_read_is_named(service: Any, make_photos: MakePhotos) -> None:
    path = make_photos("a", ["one.jpg"]) / "one.jpg"
    content = FileContent(path, hashlib.sha256(b"before").hexdigest(), path.stat().st_size, None)
    calls = Calls(service.address, timeout_seconds=PATIENCE, language="zh")
    with pytest.raises(FileChangedError, match="被改动"):
        upload_content(calls, content, name="one.jpg", on_bytes=lambda _: None)
    calls.close()
    assert service.library.photos == {}


def test_progress_ends_at_the_whole(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", [f"{number}.jpg" for number in range(30)])
    seen: list[AddProgress] = []
    client.add(folder, on_progress=seen.append)
    assert (seen[-1].files_done, seen[-1].files_total, seen[-1].files_uploaded) == (30, 30, 30)
    assert seen[-1].bytes_done == seen[-1].bytes_total == sum(path.stat().st_size for path in folder.iterdir())


def test_a_service_that_restarts_is_waited_for(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", [f"{number:03}.jpg" for number in range(150)])
    service.library.delay_seconds = 0.005
    waits: list[str] = []
    restart: list[threading.Thread] = []

    def watch(now: AddProgress) -> None:
        if now.files_uploaded > 20 and service.server is not None and not restart:
            service.stop()
        if now.waiting:
            waits.append(now.waiting)
            if not restart:
                restart.append(threading.Thread(target=service.start))
                restart[0].start()

    result = client.add(folder, on_progress=watch)
    restart[0].join()
    assert result.interruption is None
    assert not result.failed
    assert len(result.added) == 150
    assert len(service.library.photos) == 150
    assert waits
    assert service.address in waits[0]


def test_a_service_that_stays_away_ends_it_with_what_is_left(service: Any, make_photos: MakePhotos) -> None:
    folder = make_photos("a", [f"{number:03}.jpg" for number in range(60)])
    service.library.delay_seconds = 0.01

    def stop(now: AddProgress) -> None:
        if now.files_uploaded > 5:
            service.stop()

    with Client(service.address, timeout_seconds=PATIENCE) as client:
        result = client.add(folder, on_progress=stop, patience_seconds=0.5)
    assert isinstance(result.interruption, UnavailableError)
    assert len(result.added) + result.not_tried == 60
    assert 0 < result.not_tried < 60


def test_waiting_until_ready_tells_readable_from_unreadable(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("a", [f"{number}.jpg" for number in range(5)])
    (folder / "text.jpg").write_text("this is no picture")
    result = client.add(folder)
    seen: list[ReadyProgress] = []
    done = client.wait_until_ready([file.photo_id for file in result.added], on_progress=seen.append)
    assert len(done.ready) == 5
    assert [photo.name for photo in done.unreadable] == ["a/text.jpg"]
    assert done.unreadable[0].unreadable is not None
    assert done.unreadable[0].unreadable.message == "the content is not a picture"
    assert (seen[-1].photos_done, seen[-1].photos_total) == (6, 6)


def test_waiting_until_ready_gives_up_in_time(service: Any, client: Client, make_photos: MakePhotos) -> None:
    photo_id = client.add(make_photos("a", ["one.jpg"])).added[0].photo_id
    service.library.is_pending = True
    assert client.wait_until_ready([photo_id], timeout_seconds=0.3).pending == (photo_id,)
