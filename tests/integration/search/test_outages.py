"""The embedding service and the store go away and come back; nothing is lost and nobody has to do anything."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from colour_encoder import ColourEncoder, ColourServer
from object_store import ObjectServer, serve_folder
from patience import PATIENCE, eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import Filter, JobState, NoticeReason, PhotoState, UnavailableError


@pytest.fixture
def own_embedding() -> Iterator[ColourServer]:
    server = ColourServer()
    yield server
    server.stop()


@pytest.fixture
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("own-s3")) as running:
        yield running


def test_photos_wait_for_the_embedding_service_and_are_found_by_name_meanwhile(
    start_house: Callable[..., SearchHouse], own_embedding: ColourServer
) -> None:
    house = start_house(embedding=own_embedding)
    ready = house.upload("first.png", picture("红", 1))
    house.settled()
    own_embedding.stop()
    waiting = house.upload("奶奶/second.png", picture("红", 2))
    eventually(lambda: house.photo(waiting).width == 40)
    eventually(lambda: house.client.status().embedder.problem)
    status = house.client.status()
    assert not status.embedder.available
    assert (status.photos_ready, status.photos_pending) == (1, 1)
    assert status.pending_since is not None
    assert house.client.thumbnail(waiting).image
    assert waiting in {hit.photo.photo_id for hit in house.client.search(filter=Filter(folders=("奶奶",))).hits}
    page = house.client.search("奶奶")
    assert [hit.photo.photo_id for hit in page.hits] == [waiting]
    assert [notice.reason for notice in page.notices] == [NoticeReason.EMBEDDING_UNAVAILABLE]
    assert house.client.similar(ready).hits == ()
    with pytest.raises(UnavailableError):
        house.client.similar(picture("红"))
    own_embedding.start()
    house.settled()
    assert house.photo(waiting).state is PhotoState.READY
    assert set(house.found("红")) == {ready, waiting}


def test_sync_job_says_that_it_waits_for_the_embedding_service(
    start_house: Callable[..., SearchHouse], own_embedding: ColourServer
) -> None:
    own_embedding.stop()
    house = start_house(embedding=own_embedding)
    house.bucket("photos").put("a.png", picture("红"))
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).message)
    waiting = house.client.job(job.job_id)
    assert waiting.state is JobState.RUNNING
    assert "embedding service does not answer" in waiting.message
    house.bucket("photos").put("b.png", picture("蓝"))
    assert house.client.start_sync().job_id == job.job_id  # lists again although it waits
    eventually(lambda: house.client.status().photos == 2)
    own_embedding.start()
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]
    assert (ended.state, ended.photos_done, ended.message) == (JobState.SUCCEEDED, 2, "")


def test_another_model_is_not_mixed_in_and_the_status_says_so(
    start_house: Callable[..., SearchHouse], own_embedding: ColourServer
) -> None:
    house = start_house(embedding=own_embedding)
    first = house.upload("a.png", picture("红", 1))
    house.settled()
    own_embedding.stop()
    other = ColourServer(ColourEncoder("another-space"), listen=own_embedding.address)
    try:
        second = house.upload("b.png", picture("红", 2))
        eventually(lambda: "another model" in house.client.status().embedder.problem)
        assert house.photo(second).state is PhotoState.PENDING
        assert {space.space_id for space in house.client.status().spaces if space.photos} == {"colours"}
        assert other.encoder.images_embedded == 0
    finally:
        other.stop()
    own_embedding.start()
    house.settled()
    assert set(house.found("红")) == {first, second}


def test_store_that_is_away_loses_nothing(start_house: Callable[..., SearchHouse], own_store: ObjectServer) -> None:
    house = start_house(object_server=own_store)
    first = house.upload("a.png", picture("红", 1))
    house.settled()
    own_store.stop()
    with pytest.raises(UnavailableError, match="photo store"):
        house.upload("b.png", picture("红", 2))
    assert house.found("红") == [first]
    assert house.listed() == {first}
    own_store.start_again()
    second = house.upload("b.png", picture("红", 2))
    house.settled()
    assert set(house.found("红")) == {first, second}


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGTERM])
def test_whoever_looks_for_a_fault_is_told_of_a_store_that_went_silent_since_the_last_sync(
    start_house: Callable[..., SearchHouse], own_store: ObjectServer, fault: signal.Signals
) -> None:
    house = start_house(object_server=own_store)
    house.sync()
    assert not house.client.status(ask_stores=True).sources[0].problem
    own_store.process.send_signal(fault)
    if fault == signal.SIGTERM:
        own_store.process.wait(PATIENCE)
    try:
        assert "does not answer" in house.client.status(ask_stores=True).sources[0].problem
    finally:
        own_store.process.send_signal(signal.SIGCONT)


def test_service_starts_without_store_and_embedding_service_and_goes_on_when_they_come(
    start_house: Callable[..., SearchHouse], own_store: ObjectServer, own_embedding: ColourServer
) -> None:
    house = start_house(object_server=own_store, embedding=own_embedding)
    for number in range(3):
        house.bucket("photos").put(f"{number}.png", picture("红", number))
    house.stop()
    own_store.stop()
    own_embedding.stop()
    house.start(sync={"interval_seconds": 3600})
    eventually(lambda: house.client.status().sources[0].problem)
    own_store.start_again()
    eventually(lambda: house.client.status().photos == 3)
    own_embedding.start()
    eventually(lambda: house.client.status().photos_ready == 3)
    eventually(lambda: not house.client.status().sources[0].problem)


def test_object_that_vanishes_before_it_is_read_is_no_photo(house: SearchHouse, encoder: ColourEncoder) -> None:
    house.service._reading.hold_back({"photos"})
    bucket = house.bucket("photos")
    bucket.put("a.png", picture("红"))
    bucket.put("b.png", picture("蓝"))
    job = house.client.start_sync()
    house.client.pause_job(job.job_id)
    eventually(lambda: house.client.status().objects == 2 or house.client.job(job.job_id).objects_seen == 2)
    bucket.remove("a.png")
    house.client.resume_job(job.job_id)
    list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))
    assert house.listed() == {photo_id_of(picture("蓝"))}
    assert house.client.status().photos_pending == 0
