"""The client against a service over real gRPC."""

import struct
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from soutu.search.v1 import library_service_pb2, photo_pb2, photo_service_pb2, search_service_pb2

from patience import PATIENCE
from soutu_client import (
    BoundingBox,
    CallCancelledError,
    CallTimeoutError,
    Client,
    DataLossError,
    Filter,
    ImageTerm,
    InvalidInputError,
    JobState,
    NotFoundError,
    PhotoEmbedding,
    PhotoKind,
    PhotoState,
    PhotoTerm,
    TextTerm,
    UnavailableError,
)

MakePhotos = Callable[..., Path]


def test_search_sends_every_kind_of_term_and_filter(service: Any, client: Client) -> None:
    chosen = Filter(
        taken_from="2019",
        folders=("旅行",),
        kinds=(PhotoKind.ANIMATION,),
        favourite=False,
        area=BoundingBox(south=1, west=2, north=3, east=4),
    )
    client.search(
        [TextTerm("狗"), ImageTerm(b"picture", weight=0.5), PhotoTerm("a" * 32, weight=-1)],
        filter=chosen,
        min_score=0.25,
        page_size=7,
        page_token="0",
    )
    request = service.library.asked(search_service_pb2.SearchPhotosRequest)[0]
    assert [term.WhichOneof("content") for term in request.terms] == ["text", "image", "photo_id"]
    assert [term.weight for term in request.terms] == [1.0, 0.5, -1.0]
    assert request.filter.taken_from == "2019"
    assert list(request.filter.kinds) == [photo_pb2.PHOTO_KIND_ANIMATION]
    assert request.filter.HasField("favourite")
    assert not request.filter.favourite
    assert request.filter.area.east == 4
    assert (request.min_score, request.page_size) == (0.25, 7)


def test_search_gives_hits_page_by_page(client: Client, make_photos: MakePhotos) -> None:
    client.add(make_photos("旅行", ["奶奶生日.jpg", "湖.jpg", "山.jpg"]))
    first = client.search("奶奶", page_size=2)
    rest = client.search("奶奶", page_size=2, page_token=first.next_page_token)
    assert first.hits[0].photo.name == "旅行/奶奶生日.jpg"
    assert first.hits[0].matches[0].text == "旅行/奶奶生日.jpg"
    assert len(first.hits) == 2
    assert len(rest.hits) == 1
    assert rest.next_page_token == ""


def test_an_error_of_the_service_keeps_reason_and_language(service: Any) -> None:
    for language, words in (("zh", "没有这张照片"), ("en", "there is no such photo")):
        with (
            Client(service.address, timeout_seconds=PATIENCE, language=language) as client,  # type: ignore[arg-type]
            pytest.raises(NotFoundError, match=words) as caught,
        ):
            client.photo("0" * 32)
        assert caught.value.reason == "PHOTO_NOT_FOUND"


def test_nothing_listening_is_said_with_the_address(service: Any) -> None:
    service.stop()
    with (
        Client(service.address, timeout_seconds=PATIENCE, language="zh") as client,
        pytest.raises(UnavailableError, match=f"连不上搜索服务 {service.address}") as caught,
    ):
        client.status()
    assert caught.value.reason == "UNREACHABLE"


def test_a_slow_answer_ends_at_the_deadline(service: Any) -> None:
    service.library.may_answer.clear()
    with Client(service.address, timeout_seconds=0.2) as client, pytest.raises(TimeoutError) as caught:
        client.status()
    assert isinstance(caught.value, CallTimeoutError)


def test_unavailable_is_retried_on_calls_that_may_be_repeated(service: Any, client: Client) -> None:
    service.fail(2)
    client.search("狗")
    assert len(service.library.asked(search_service_pb2.SearchPhotosRequest)) == 3


def test_unavailable_is_not_retried_on_a_deletion(service: Any, client: Client) -> None:
    service.fail(1)
    with pytest.raises(UnavailableError, match="the store is away") as caught:
        client.delete(["0" * 32])
    assert caught.value.reason == "STORE_AWAY"
    assert len(service.library.asked(photo_service_pb2.DeletePhotosRequest)) == 1


def test_too_much_for_one_message_is_refused_in_plain_words(client: Client) -> None:
    with pytest.raises(InvalidInputError) as caught:
        client.similar(bytes(65 << 20))
    assert caught.value.reason == "MESSAGE_TOO_LARGE"


def test_a_closed_client_says_so(service: Any) -> None:
    client = Client(service.address)
    client.close()
    with pytest.raises(CallCancelledError):
        client.status()


def test_upload_then_read_original_and_thumbnail(client: Client, make_photos: MakePhotos) -> None:
    path = make_photos("a", ["湖.jpg"]) / "湖.jpg"
    sent: list[int] = []
    upload = client.upload(path, name="青海/湖.jpg", on_bytes=sent.append)
    assert upload.created
    assert sum(sent) == path.stat().st_size
    with client.read_original(upload.photo_id) as original:
        assert (original.file_name, original.size_bytes) == ("青海/湖.jpg", path.stat().st_size)
        assert original.read() == path.read_bytes()
    assert client.thumbnail(upload.photo_id).media_type == "image/jpeg"
    assert client.photo(upload.photo_id[:8]).state is PhotoState.READY


def test_a_large_file_travels_in_small_chunks(service: Any, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(3 << 20))
    assert client.upload(path).created  # the service refuses chunks over 1 MiB


def test_originals_are_saved_under_safe_names_and_never_over_another_file(
    service: Any, client: Client, make_photos: MakePhotos, tmp_path: Path
) -> None:
    folder = make_photos("a", ["x.jpg", "y.jpg"])
    first = client.upload(folder / "x.jpg", name="../../etc/pass:wd.jpg")
    second = client.upload(folder / "y.jpg", name="pass:wd.jpg")
    target = tmp_path / "out"
    saved = [client.save_original(upload.photo_id, target) for upload in (first, second, first)]
    assert [path.name for path in saved] == ["pass_wd.jpg", "pass_wd (2).jpg", "pass_wd.jpg"]
    assert saved[1].read_bytes() == (folder / "y.jpg").read_bytes()
    assert sorted(path.name for path in target.iterdir()) == ["pass_wd (2).jpg", "pass_wd.jpg"]


def test_a_damaged_original_is_not_saved(service: Any, client: Client, make_photos: MakePhotos, tmp_path: Path) -> None:
    upload = client.upload(make_photos("a", ["x.jpg"]) / "x.jpg")
    service.library.contents[upload.photo_id] += b"rot"
    with pytest.raises(DataLossError):
        client.save_original(upload.photo_id, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_annotate_delete_undelete_purge(client: Client, make_photos: MakePhotos) -> None:
    photo_id = client.upload(make_photos("a", ["x.jpg"]) / "x.jpg").photo_id
    photo = client.annotate([photo_id], favourite=True, caption="奶奶", add_tags=["家", "家"])[0]
    assert (photo.annotations.favourite, photo.annotations.caption, photo.annotations.tags) == (True, "奶奶", ("家",))
    assert client.annotate([photo_id], remove_tags=["家"])[0].annotations.caption == "奶奶"
    assert client.delete([photo_id]) == [photo_id]
    assert client.list_photos().total == 0
    assert client.list_photos(deleted=True).photos[0].deleted_at is not None
    assert client.undelete([photo_id]) == [photo_id]
    client.delete([photo_id])
    assert client.purge([]) == 0
    assert client.purge([photo_id]) == 1


def test_a_job_is_watched_until_it_is_over(client: Client) -> None:
    job = client.start_sync()
    seen = list(client.watch_job(job.job_id))
    assert [now.photos_done for now in seen] == [0, 2, 4]
    assert seen[-1].state is JobState.SUCCEEDED


def test_a_stream_needs_no_thread_whose_start_ctrl_c_could_prevent(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(service.address, timeout_seconds=PATIENCE, language="en")
    job = client.start_sync()
    start = threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        if threading.current_thread() is threading.main_thread():  # the service's own threads are started by others
            raise RuntimeError("interrupted")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    assert [now.photos_done for now in client.watch_job(job.job_id)] == [0, 2, 4]
    client.close()


def test_watching_a_job_ends_at_its_time_limit(service: Any, client: Client) -> None:
    service.library.is_endless = True
    client.start_sync()
    with pytest.raises(CallTimeoutError):
        list(islice(client.watch_job("job-1", timeout_seconds=0.5), 1000))
    assert len(service.library.asked(library_service_pb2.WatchJobRequest)) <= 3, "it pauses after each, and does not go on"


def test_embeddings_go_in_in_parts_and_come_out(service: Any, client: Client) -> None:
    vectors = [PhotoEmbedding(photo_id=f"{number:032x}", vector=struct.pack("<2f", 0.5, number)) for number in range(1500)]
    assert client.import_embeddings(vectors, space_id="space").stored == 1500
    messages = service.library.asked(library_service_pb2.ImportEmbeddingsRequest)
    assert [(message.space_id, len(message.embeddings)) for message in messages] == [("space", 1000), ("", 500)]
    batches = list(client.export_embeddings())
    assert batches[3].embeddings[0].values == (0.5, 3.0)


def test_the_address_comes_from_the_environment(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUTU_ADDRESS", service.address)
    with Client(timeout_seconds=PATIENCE) as client:
        assert client.status().version == "9.9.9"
