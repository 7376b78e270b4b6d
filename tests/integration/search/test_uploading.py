"""Uploads: what is taken, what is refused, and where it lands."""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import grpc
import pytest
from soutu.search.v1 import photo_service_pb2 as pb
from soutu.search.v1 import photo_service_pb2_grpc

from object_store import ObjectServer
from patience import PATIENCE
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import NotFoundError, PhotoState


@pytest.fixture
def send(house: SearchHouse) -> Iterator[Callable[..., pb.UploadPhotoResponse]]:
    """Return a function that uploads as a careless or hostile client would."""
    with grpc.insecure_channel(house.address) as channel:
        stub = photo_service_pb2_grpc.PhotoServiceStub(channel)

        def upload(
            name: str, data: bytes, *, sha256: str | None = None, size: int | None = None, chunk: int = 1 << 20
        ) -> pb.UploadPhotoResponse:
            digest = hashlib.sha256(data).hexdigest() if sha256 is None else sha256
            header = pb.UploadHeader(name=name, size_bytes=len(data) if size is None else size, sha256=digest)
            parts = [data[at : at + chunk] for at in range(0, len(data), chunk)]
            messages = [pb.UploadPhotoRequest(header=header), *(pb.UploadPhotoRequest(chunk=part) for part in parts)]
            return stub.UploadPhoto(iter(messages), timeout=PATIENCE, metadata=(("accept-language", "en"),))

        yield upload


def test_upload_lands_under_its_path_with_its_time(house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]) -> None:
    answer = send("旅行/雪.png", picture("红"))
    assert (answer.photo_id, answer.created, answer.name) == (photo_id_of(picture("红")), True, "旅行/雪.png")
    assert house.keys("photos") == {"旅行/雪.png"}
    assert house.bucket("photos").read("旅行/雪.png", max_bytes=1 << 20) == picture("红")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"sha256": "0" * 64}, "DIGEST_DIFFERS"),
        ({"sha256": "nonsense"}, "BAD_DIGEST"),
        ({"size": 7}, "SIZE_DIFFERS"),
        ({"size": 1 << 20}, "SIZE_DIFFERS"),
        ({"size": 1 << 50}, "TOO_LARGE"),
        ({"chunk": (1 << 20) + 1, "padding": 1 << 21}, "CHUNK_TOO_LARGE"),
    ],
)
def test_what_does_not_match_its_header_is_refused_and_leaves_nothing(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse], wrong: dict[str, Any], reason: str
) -> None:
    data = picture("红") + bytes(wrong.pop("padding", 0))
    with pytest.raises(grpc.RpcError) as refused:
        send("a.png", data, **wrong)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    metadata: Any = refused.value.trailing_metadata()
    assert dict(metadata)["soutu-reason"] == reason
    assert house.keys("photos") == set()
    assert house.client.status().photos == 0


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "/etc/a.png", "a/../../b.png", "C:\\a.png", "", "字" * 400 + ".png"])
def test_names_that_lead_elsewhere_are_refused(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse], name: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        send(name, picture("红"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Traceback" not in (refused.value.details() or "")
    assert house.keys("photos") == set()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a\x07b\u202egnp.png", "abgnp.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ('"quoted" & +50% #1?=.png', '"quoted" & +50% #1?=.png'),
        ("照片\\子文件夹\\雪.png", "照片/子文件夹/雪.png"),
    ],
)
def test_hard_names_become_plain_keys_and_are_read_back(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse], name: str, key: str
) -> None:
    answer = send(name, picture("红"))
    assert answer.name == key
    assert house.keys("photos") == {key}
    house.settled()
    house.sync()
    assert house.photo(answer.photo_id).state is PhotoState.READY
    assert [(known.name, known.present) for known in house.photo(answer.photo_id).names] == [(key, True)]


def test_name_that_is_taken_by_another_content_gets_a_number(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    assert send("a.png", picture("红")).name == "a.png"
    assert send("a.png", picture("绿")).name == "a (2).png"
    assert send("a.png", picture("蓝")).name == "a (3).png"
    assert house.bucket("photos").read("a.png", max_bytes=1 << 20) == picture("红")


def test_file_that_was_dropped_and_not_yet_synced_is_not_overwritten(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    house.bucket("photos").put("a.png", picture("绿"))
    assert send("a.png", picture("红")).name == "a (2).png"
    assert house.bucket("photos").read("a.png", max_bytes=1 << 20) == picture("绿")


def test_file_copied_into_the_stores_folder_is_not_overwritten_before_the_store_shows_it(
    house: SearchHouse, object_server: ObjectServer
) -> None:
    house.restart(store=object_server.settings.model_copy(update={"folder": object_server.folder}))
    house.upload("年/first.png", picture("蓝"))  # from here on, the server believes for a while to know what is there
    dropped = house.store.folder / house.bucket("photos").bucket / "年" / "a.png"
    dropped.write_bytes(picture("绿"))
    assert not house.bucket("photos").exists("年/a.png")
    photo = house.upload("年/a.png", picture("红"))
    assert dropped.read_bytes() == picture("绿")
    assert [name.name for name in house.photo(photo).names] == ["年/a (2).png"]


def test_another_file_of_the_same_size_is_noticed_by_the_first_sync_after_an_upload(house: SearchHouse) -> None:
    first, second = picture("红").ljust(4096, b"\0"), picture("绿").ljust(4096, b"\0")
    house.upload("a.png", first)
    time.sleep(1.1)  # the store tells whole seconds
    house.bucket("photos").put("a.png", second)
    house.sync()
    house.settled()
    assert house.listed() == {photo_id_of(second)}


def test_object_left_by_a_crash_before_the_commit_is_taken_over(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    house.bucket("photos").put("a.png", picture("红"))
    answer = send("a.png", picture("红"))
    assert (answer.created, answer.name) == (True, "a.png")
    assert house.keys("photos") == {"a.png"}


def test_file_in_the_way_of_a_folder_and_the_other_way_round(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    send("x.png", picture("红"))
    assert send("x.png/y.png", picture("绿")).name == "x.png (2)/y.png"
    send("folder.png/z.png", picture("蓝"))
    assert send("folder.png", picture("蓝", 5)).name == "folder (2).png"
    house.settled()
    assert house.client.status().photos_ready == 4


def test_known_content_is_not_stored_twice_and_its_name_is_remembered(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    first = send("a.png", picture("红"))
    second = send("奶奶家/b.png", picture("红"))
    assert (second.photo_id, second.created) == (first.photo_id, False)
    assert house.keys("photos") == {"a.png"}
    assert house.found("奶奶") == [first.photo_id]


def test_find_contents_tells_what_is_there_and_learns_names(house: SearchHouse) -> None:
    there, deleted, absent = (picture(colour) for colour in "红绿蓝")
    first, second = house.upload("a.png", there), house.upload("b.png", deleted)
    house.client.delete([second])
    contents = [(hashlib.sha256(data).hexdigest(), f"外婆/{number}.png") for number, data in enumerate((there, deleted, absent))]
    answers = house.client.find_contents(contents)
    assert [answer.photo_id for answer in answers] == [first, second, None]
    assert [answer.deleted for answer in answers] == [False, True, False]
    assert {name.name for name in house.photo(first).names} == {"a.png", "外婆/0.png"}
    house.settled()
    assert house.found("外婆")[0] == first


def test_content_whose_objects_are_all_gone_counts_as_absent(house: SearchHouse) -> None:
    data = picture("红")
    photo = house.upload("a.png", data)
    other = house.upload("b.png", picture("绿"))
    house.settled()
    house.bucket("photos").remove("a.png")
    house.sync()
    (answer,) = house.client.find_contents([(hashlib.sha256(data).hexdigest(), "")])
    assert answer.photo_id is None
    assert house.upload("a.png", data) == photo
    assert house.listed() == {photo, other}


@pytest.mark.parametrize("is_listed", [True, False])
def test_content_that_the_store_lost_is_taken_again_before_any_sync(house: SearchHouse, is_listed: bool) -> None:
    data = picture("红")
    photo = house.upload("a.png", data)
    house.settled()
    if is_listed:
        house.sync()
    house.bucket("photos").remove("a.png")
    (answer,) = house.client.find_contents([(hashlib.sha256(data).hexdigest(), "")])
    assert answer.photo_id is None
    assert house.upload("b.png", data) == photo
    assert house.keys("photos") == {"b.png"}
    house.sync()
    assert house.listed() == {photo}


def test_non_photos_are_refused_and_odd_names_are_looked_into(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    for name, data in [("song.mp3", picture("红")), ("IMG_0001", b"no picture"), (".hidden.png", picture("红"))]:
        with pytest.raises(grpc.RpcError) as refused:
            send(name, data)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    answer = send("IMG_0002", picture("红"))
    house.settled()
    assert house.photo(answer.photo_id).state is PhotoState.READY


def test_large_upload_goes_through_a_file_and_arrives_whole(
    house: SearchHouse, send: Callable[..., pb.UploadPhotoResponse]
) -> None:
    data = picture("红") + b"\0" * (9 << 20)
    answer = send("large.png", data)
    house.settled()
    assert house.photo(answer.photo_id).size_bytes == len(data)
    with house.client.read_original(answer.photo_id) as original:
        assert hashlib.sha256(b"".join(original)).hexdigest()[:32] == answer.photo_id


@contextmanager
def no_room_for_large_files(house: SearchHouse) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes more than a large upload begins at, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((8 << 20) + 1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_folder_for_large_files(house: SearchHouse) -> Iterator[None]:
    spool = house.folder / "data" / "uploads"
    spool.rmdir()
    yield
    spool.mkdir()


@pytest.mark.parametrize("trouble", [no_room_for_large_files, no_folder_for_large_files])
def test_large_upload_on_a_full_disk_is_refused_and_may_come_again(
    house: SearchHouse,
    send: Callable[..., pb.UploadPhotoResponse],
    trouble: Callable[[SearchHouse], AbstractContextManager[None]],
) -> None:
    data = picture("红") + b"\0" * (9 << 20)
    with trouble(house), pytest.raises(grpc.RpcError) as refused:
        send("large.png", data, chunk=7000)  # smaller than any buffer
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    metadata: Any = refused.value.trailing_metadata()
    assert dict(metadata)["soutu-reason"] == "DISK_FULL"
    assert send("large.png", data).created


def test_the_same_photo_uploaded_by_many_at_once_is_stored_once(house: SearchHouse) -> None:
    with ThreadPoolExecutor(8) as pool:
        photos = list(pool.map(lambda number: house.upload(f"{number % 4}.png", picture("红")), range(8)))
    assert len(set(photos)) == 1
    assert len(house.keys("photos")) == 1


def test_different_photos_of_one_name_at_once_all_keep_their_bytes(house: SearchHouse) -> None:
    pictures = [picture("红", number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        photos = list(pool.map(lambda data: house.upload("a.png", data), pictures))
    house.settled()
    assert photos == [photo_id_of(data) for data in pictures]
    for photo, data in zip(photos, pictures, strict=True):
        with house.client.read_original(photo) as original:
            assert b"".join(original) == data


def test_missing_thumbnail_is_made_again(house: SearchHouse) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.bucket("thumbnails").remove(f"{photo[:2]}/{photo}.jpg")
    assert house.client.thumbnail(photo).image.startswith(b"\xff\xd8")
    assert house.keys("thumbnails") == {f"{photo[:2]}/{photo}.jpg"}


@pytest.mark.parametrize("other", [picture("蓝"), b"no picture at all"])
def test_missing_thumbnail_is_never_made_of_what_took_the_originals_place(house: SearchHouse, other: bytes) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.bucket("thumbnails").remove(f"{photo[:2]}/{photo}.jpg")
    house.bucket("photos").put("a.png", other)
    with pytest.raises(NotFoundError, match="sync again") as refused:
        house.client.thumbnail(photo)
    assert refused.value.reason == "ORIGINAL_GONE"
    assert house.keys("thumbnails") == set()
