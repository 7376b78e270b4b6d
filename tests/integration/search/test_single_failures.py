"""One object, or one try, that fails: it costs nothing but itself, and nothing is branded for what may pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from object_store import ObjectServer, serve_folder
from patience import PATIENCE, eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import JobState, PhotoState
from soutu_services.search.catalog import SeenObject
from soutu_services.search.decoding.answers import DecoderFault
from soutu_services.search.embedding_model import Malformed, Outcome
from soutu_services.search.imaging import Reading, read_picture
from soutu_services.search.objects import StoreFailed

_stopped_clock = SimpleNamespace(monotonic=lambda: 0.0)


@pytest.fixture
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("own-s3")) as running:
        yield running


class BadSectors:
    """A bucket whose objects of some names cannot be read."""

    def __init__(self, store: Any, prefix: str) -> None:
        self._store = store
        self.prefix = prefix
        self.reads = 0

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if key.startswith(self.prefix):
            self.reads += 1
            raise StoreFailed
        data: bytes = self._store.read(key, max_bytes=max_bytes)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _make_bad(house: SearchHouse, prefix: str) -> BadSectors:
    source = house.service._buckets.sources["photos"]
    bad = BadSectors(source.store, prefix)
    object.__setattr__(source, "store", bad)
    return bad


def test_objects_that_cannot_be_read_keep_nothing_else_waiting(house: SearchHouse) -> None:
    bad = _make_bad(house, "bad")
    bucket = house.store.folder / house.bucket("photos").bucket
    files = {f"bad-{number:03}.png": picture("蓝", number, size=(4, 4)) for number in range(300)}
    files |= {f"good-{number}.png": picture("红", number) for number in range(5)}
    for name, data in files.items():
        (bucket / name).write_bytes(data)
    eventually(lambda: len(house.keys("photos")) == 305)
    job = house.sync()
    assert job.state is JobState.SUCCEEDED
    assert "300 files cannot be read" in job.message
    status = house.client.status()
    assert (status.photos_ready, status.photos_unreadable) == (5, 0)
    assert "300 files cannot be read" in status.sources[0].problem or "failed" in status.sources[0].problem
    bad.prefix = "none of them"
    eventually(lambda: house.client.status().photos_ready == 305)
    eventually(lambda: not house.client.status().sources[0].problem)


def test_an_object_that_cannot_be_read_is_not_tried_whenever_something_else_is(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = _make_bad(house, "bad")
    house.bucket("photos").put("bad.png", picture("红", 1))
    job = house.sync()
    assert "1 files cannot be read" in job.message
    monkeypatch.setattr("soutu_services.search.ingest.set_aside.time", _stopped_clock)  # it is never due
    before = bad.reads
    for number in range(20):
        house.upload(f"{number}.png", picture("红", 10 + number))  # each wakes the ingest
    eventually(lambda: house.client.status().photos_ready == 20)
    assert bad.reads - before <= 1, "one may have begun before the clock stood still"
    monkeypatch.undo()
    house.bucket("photos").remove("bad.png")
    house.sync()
    eventually(lambda: not house.client.status().sources[0].problem)


@pytest.mark.parametrize("error", [MemoryError, DecoderFault])
def test_a_fault_that_passes_brands_no_photo(house: SearchHouse, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    faults = [error(), error()]
    read = house.service._decoders.read

    def whimsical(*given: Any, **named: Any) -> Reading:
        if faults:
            raise faults.pop()
        return read(*given, **named)

    monkeypatch.setattr(house.service._decoders, "read", whimsical)
    photo = house.upload("a.png", picture("红"))
    eventually(lambda: house.photo(photo).state is not PhotoState.PENDING)
    assert house.photo(photo).state is PhotoState.READY


def test_a_fault_that_does_not_pass_is_the_photos(house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    read = house.service._decoders.read

    def fails(data: bytes, **named: Any) -> Reading:
        nonlocal tries
        if data == picture("红"):
            tries += 1
            raise DecoderFault("a bug")
        return read(data, **named)

    monkeypatch.setattr(house.service._decoders, "read", fails)
    photo, other = house.upload("a.png", picture("红")), house.upload("b.png", picture("蓝"))
    eventually(lambda: house.photo(other).state is PhotoState.READY)
    eventually(lambda: house.photo(photo).state is PhotoState.UNREADABLE)
    unreadable = house.photo(photo).unreadable
    assert unreadable is not None
    assert (unreadable.reason.name, tries) == ("BROKEN", 5)


def test_too_little_memory_is_not_taken_for_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from soutu_services.search.imaging import PictureLimits

    def no_memory(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("soutu_services.search.imaging.reading.open_picture", no_memory)
    with pytest.raises(MemoryError):
        read_picture(picture("红"), PictureLimits())


def test_a_catalog_that_fails_for_a_while_brands_no_photo(house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = house.service.catalog.objects
    find = objects.find_contents
    failures = 8

    def fails(sha256s: Sequence[str]) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise RuntimeError("database is locked")
        return find(sha256s)

    data = picture("红")
    house.bucket("photos").put("a.png", data)
    monkeypatch.setattr(objects, "find_contents", fails)
    job = house.sync()
    assert (job.state, job.message, failures) == (JobState.SUCCEEDED, "", 0)
    assert house.photo(photo_id_of(data)).state is PhotoState.READY


def test_vectors_that_are_none_brand_no_photo(house: SearchHouse) -> None:
    photos = [house.upload("first.png", picture("红", 1))]
    house.settled()
    embedder = house.service._link._main.embedder
    embed = embedder.embed_images
    embedder.embed_images = lambda images, *_, **__: [Malformed("not a number")] * len(images)  # type: ignore[method-assign]
    photos.append(house.upload("second.png", picture("红", 2)))
    eventually(lambda: "not valid" in house.client.status().embedder.problem)
    assert house.photo(photos[1]).state is PhotoState.PENDING
    embedder.embed_images = embed  # type: ignore[method-assign]
    house.settled()
    assert {house.photo(photo).state for photo in photos} == {PhotoState.READY}
    assert house.client.status().embedder.problem == ""


def test_one_photo_without_a_vector_keeps_no_other_and_no_sync_waiting(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = house.service._link._main.embedder
    embed = embedder.embed_images

    def poisoned(images: Sequence[bytes], *more: Any, **named: Any) -> list[Outcome]:
        outcomes = embed(images, *more, **named)
        outcomes[0] = Malformed("not a number")
        return outcomes

    for number in range(4):
        house.bucket("photos").put(f"{number}.png", picture("红", number))
    monkeypatch.setattr(house.service._link, "_bulk_problem", house.service._link._bulk_problem)
    embedder.embed_images = poisoned  # type: ignore[method-assign]
    job = house.client.start_sync()
    eventually(lambda: house.service._embedding.passed_over("colours"))
    embedder.embed_images = embed  # type: ignore[method-assign]
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]
    assert ended.state is JobState.SUCCEEDED
    assert "cannot be read" in ended.message
    assert house.client.status().photos_unreadable == 0


def test_a_problem_is_over_when_what_was_asked_for_is_gone(
    start_house: Callable[..., SearchHouse], own_store: ObjectServer
) -> None:
    house = start_house(object_server=own_store)
    house.bucket("photos")  # where a library has had files, the service makes no new one
    own_store.stop()
    seen = SeenObject("a.png", "tag", 5, datetime(2024, 5, 1, tzinfo=UTC))  # listed just before it and the store went
    house.service.catalog.objects.record_seen("photos", [seen])
    house.service._reading.wake()
    eventually(lambda: house.client.status().sources[0].problem)
    own_store.start_again()
    eventually(lambda: not house.client.status().sources[0].problem)
    assert house.client.status().objects == 0
