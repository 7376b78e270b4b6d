"""What lies in the buckets is found, followed and never taken for deleted by mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from colour_encoder import ColourEncoder
from patience import eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import JobState, NotFoundError, NotReadyError, PhotoState


def test_dropped_files_are_found(house: SearchHouse) -> None:
    data = picture("红")
    house.bucket("photos").put("旅行 2019/深/a+b.png", data)
    job = house.sync()
    assert job.state is JobState.SUCCEEDED
    assert (job.objects_seen, job.photos_total, job.photos_done, job.photos_unreadable) == (1, 1, 1, 0)
    photo = house.photo(photo_id_of(data))
    assert photo.state is PhotoState.READY
    assert [(name.source, name.name, name.present) for name in photo.names] == [("photos", "旅行 2019/深/a+b.png", True)]


def test_periodic_sync_finds_dropped_files_by_itself(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(sync={"interval_seconds": 1.0})
    house.bucket("photos").put("a.png", picture("红"))
    eventually(lambda: house.client.status().photos_ready == 1)
    assert house.client.status().sources[0].synced_at is not None


def test_renames_moves_and_copies_cost_no_embedding_and_keep_every_name(house: SearchHouse, encoder: ColourEncoder) -> None:
    data = picture("红")
    photo = photo_id_of(data)
    bucket = house.bucket("photos")
    bucket.put("旧名字.png", data)
    house.sync()
    bucket.put("新文件夹/新名字.png", data)
    bucket.remove("旧名字.png")
    bucket.put("copy.png", data)
    house.sync()
    assert encoder.images_embedded == 1
    assert house.listed() == {photo}
    names = {name.name: name.present for name in house.photo(photo).names}
    assert names == {"旧名字.png": False, "新文件夹/新名字.png": True, "copy.png": True}
    assert house.found("旧名字") == house.found("新名字") == [photo]


def test_the_same_content_twice_in_one_sync_is_embedded_once(house: SearchHouse, encoder: ColourEncoder) -> None:
    for number in range(8):
        house.bucket("photos").put(f"{number}.png", picture("红"))
    house.sync()
    assert encoder.images_embedded == 1
    assert len(house.listed()) == 1


def test_uploads_are_not_read_again_by_a_sync(house: SearchHouse) -> None:
    for number in range(3):
        house.upload(f"{number}.png", picture("红", number))
    house.settled()
    assert house.sync().photos_total == 0
    assert house.sync().objects_seen == 3


def test_changed_file_becomes_another_photo(house: SearchHouse) -> None:
    bucket = house.bucket("photos")
    bucket.put("a.png", picture("红"))
    house.sync()
    bucket.put("a.png", picture("蓝", 1, size=(50, 50)))
    house.sync()
    assert house.listed() == {photo_id_of(picture("蓝", 1, size=(50, 50)))}


def test_removed_file_disappears_and_returns_without_being_embedded(house: SearchHouse, encoder: ColourEncoder) -> None:
    data = picture("红")
    bucket = house.bucket("photos")
    bucket.put("a.png", data)
    bucket.put("b.png", picture("蓝"))
    house.sync()
    bucket.remove("a.png")
    house.sync()
    assert house.listed() == {photo_id_of(picture("蓝"))}
    assert photo_id_of(data) not in house.found("红")
    bucket.put("elsewhere/c.png", data)
    house.sync()
    assert house.found("红")[0] == photo_id_of(data)
    assert encoder.images_embedded == 2


def test_listing_that_fails_marks_nothing_as_gone(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(sources=[{"name": "disk", "bucket": "unplugged-disk"}])
    album = house.service._buckets.sources["disk"].store
    album.ensure_bucket()
    album.put("a.png", picture("红"))
    house.sync()
    album.remove("a.png")
    (house.store.folder / "unplugged-disk").rmdir()
    eventually(lambda: not _has_bucket(album))
    job = house.sync("disk")
    assert job.state is JobState.FAILED
    assert job.message.startswith("disk: ")
    assert house.listed() == {photo_id_of(picture("红"))}
    status = {source.source: source.problem for source in house.client.status().sources}
    assert status["photos"] == ""
    assert status["disk"]


def test_unreadable_files_cost_only_themselves_and_say_why(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(limits={"max_object_bytes": 20_000, "max_pixels": 10_000}, decoders=None)  # of its own limits
    good = picture("红")
    files = {
        "good.png": good,
        "empty.jpg": b"",
        "text.jpg": b"this is text, whatever its name says",
        "broken.png": picture("蓝", 1)[:300],
        "many.png": picture("白", size=(200, 60)),
        "large.png": picture("蓝", 3) + b"\0" * 20_000,
        "white.png": picture("白"),
    }
    for name, data in files.items():
        house.bucket("photos").put(name, data)
    job = house.sync()
    assert job.state is JobState.SUCCEEDED
    assert (job.photos_total, job.photos_done, job.photos_unreadable) == (7, 7, 6)
    status = house.client.status()
    assert (status.photos, status.photos_ready, status.photos_unreadable) == (7, 1, 6)
    assert {reason.reason.name: reason.photos for reason in status.unreadable_reasons} == {
        "EMPTY": 1,
        "NOT_AN_IMAGE": 1,
        "BROKEN": 1,
        "TOO_MANY_PIXELS": 1,
        "TOO_LARGE": 1,
        "MODEL_FAILED": 1,
    }
    unreadable = house.client.list_photos(states=[PhotoState.UNREADABLE]).photos
    assert {photo.names[0].name: photo.unreadable.reason.name for photo in unreadable if photo.unreadable} == {
        "empty.jpg": "EMPTY",
        "text.jpg": "NOT_AN_IMAGE",
        "broken.png": "BROKEN",
        "many.png": "TOO_MANY_PIXELS",
        "large.png": "TOO_LARGE",
        "white.png": "MODEL_FAILED",
    }
    assert house.found("红") == [photo_id_of(good)]
    with pytest.raises(NotReadyError, match="more pixels"):
        house.client.thumbnail(next(photo.photo_id for photo in unreadable if photo.names[0].name == "many.png"))


def test_other_files_are_ignored_and_counted(house: SearchHouse) -> None:
    bucket = house.bucket("photos")
    for name in ("a.json", "b.json", "notes.txt", "Thumbs.db", "song.mp3", "@eaDir/a.png", "no extension"):
        bucket.put(name, b"not a photo")
    bucket.put("photo without extension", picture("红"))
    job = house.sync()
    assert job.photos_unreadable == 0
    status = house.client.status()
    assert (status.photos, status.photos_ready, status.objects) == (1, 1, 8)
    assert status.ignored == {".json": 2, ".txt": 1, ".db": 1, ".mp3": 1, ".png": 1, "": 1}
    assert house.sync().photos_total == 0


def test_source_with_a_prefix_shows_names_below_it(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(sources=[{"name": "phone", "bucket": "prefix-phone", "prefix": "backup/camera"}])
    album = house.service._buckets.sources["phone"].store
    album.ensure_bucket()
    album.put("backup/camera/2020/a.png", picture("红"))
    album.put("backup/other/b.png", picture("蓝"))
    house.sync("phone")
    (photo,) = house.client.list_photos().photos
    assert [(name.source, name.name) for name in photo.names] == [("phone", "2020/a.png")]
    with house.client.read_original(photo.photo_id) as original:
        assert b"".join(original) == picture("红")


def test_unknown_source_is_refused(house: SearchHouse) -> None:
    with pytest.raises(NotFoundError):
        house.client.start_sync(["nowhere"])


def _has_bucket(store: object) -> bool:
    try:
        store.check()  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001
        return False
    return True
