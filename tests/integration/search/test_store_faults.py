"""A photo store that hangs, fails, breaks off, lies or crawls: one line says so, no photo is branded, all goes on by itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from faulty_store import Fault, FaultyStore, faulty_store
from object_store import ObjectServer
from search_house import SearchHouse, eventually, photo_id_of, picture
from soutu_client import JobState, NotReadyError, PhotoState, SoutuError, UnavailableError
from soutu_services.search.objects import StoreFailed, StoreRefused, StoreUnavailable
from soutu_services.search.store import S3Connection, S3Store


@pytest.fixture
def store(object_server: ObjectServer) -> Iterator[FaultyStore]:
    with faulty_store(object_server) as proxy:
        yield proxy


@pytest.fixture
def house(start_house: Callable[..., SearchHouse], store: FaultyStore, monkeypatch: pytest.MonkeyPatch) -> SearchHouse:
    monkeypatch.setattr("soutu_services.search.sync_job._FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("soutu_services.search.sync_job._LIST_TRIES", 2)
    monkeypatch.setattr("soutu_services.search.store._CONFUSED_SECONDS", 0.01)
    return start_house(object_server=store)


@pytest.fixture
def bucket(store: FaultyStore, object_server: ObjectServer) -> Iterator[S3Store]:
    connection = S3Connection(store.settings)
    made = connection.bucket("faulty-bucket")
    made.ensure_bucket()
    yield made
    connection.close()


_WRITES = [Fault.HANG, Fault.ERROR_500, Fault.ERROR_503, Fault.REFUSE, Fault.HALF_REQUEST]
_READS = [fault for fault in Fault if fault is not Fault.HALF_REQUEST]
_OF_LISTS = [fault for fault in _READS if fault is not Fault.TOO_LONG]


def _is_original(method: str, path: str) -> bool:
    return method == "GET" and path.endswith(".png")


@pytest.mark.parametrize("fault", _READS)
def test_a_read_that_fails_brands_no_photo_and_is_tried_again(house: SearchHouse, store: FaultyStore, fault: Fault) -> None:
    house.bucket("photos").put("a.png", picture("红"))
    store.break_down(fault, _is_original)
    job = house.client.start_sync()
    eventually(lambda: store.faults >= 2)
    eventually(lambda: house.client.status().sources[0].problem)
    status = house.client.status()
    assert (status.photos_ready, status.photos_unreadable, status.photos_pending) == (0, 0, 1)
    assert "\n" not in status.sources[0].problem
    store.mend()
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=120))[-1]
    assert ended.state is JobState.SUCCEEDED
    eventually(lambda: house.client.status().photos_ready == 1)
    assert house.photo(photo_id_of(picture("红"))).state is PhotoState.READY
    eventually(lambda: not house.client.status().sources[0].problem)


@pytest.mark.parametrize("fault", _WRITES)
def test_a_write_that_fails_is_not_acknowledged_and_can_be_repeated(house: SearchHouse, store: FaultyStore, fault: Fault) -> None:
    first = house.upload("first.png", picture("蓝"))
    house.settled()
    store.break_down(fault, lambda method, path: method == "PUT" and path.endswith("a.png"))
    with pytest.raises((UnavailableError, NotReadyError), match="photo store"):
        house.upload("a.png", picture("红"))
    assert store.faults >= 1
    assert house.listed() == {first}
    assert "a.png" not in house.keys("photos")
    store.mend()
    again = house.upload("a.png", picture("红"))
    house.settled()
    assert house.listed() == {first, again}


@pytest.mark.parametrize("fault", _OF_LISTS)
def test_a_listing_that_fails_takes_nothing_for_gone_and_the_job_says_why(
    house: SearchHouse, store: FaultyStore, fault: Fault
) -> None:
    house.bucket("photos").put("a.png", picture("红"))
    house.sync()
    store.break_down(fault, lambda method, path: method == "GET" and "prefix=" in path)
    job = house.sync()
    assert job.state is JobState.FAILED
    assert job.message.startswith("photos: the photo store (S3)")
    assert "\n" not in job.message
    assert house.client.status().sources[0].problem
    assert house.listed() == {photo_id_of(picture("红"))}
    store.mend()
    assert house.sync().state is JobState.SUCCEEDED
    assert not house.client.status().sources[0].problem
    assert house.listed() == {photo_id_of(picture("红"))}


def test_thumbnails_that_cannot_be_written_keep_photos_waiting_and_not_unreadable(house: SearchHouse, store: FaultyStore) -> None:
    store.break_down(Fault.ERROR_500, lambda method, path: method == "PUT" and "thumbnails" in path)
    photo = house.upload("a.png", picture("红"))
    eventually(lambda: house.client.status().sources[0].problem)
    assert house.photo(photo).state is PhotoState.PENDING
    store.mend()
    eventually(lambda: house.photo(photo).state is PhotoState.READY)
    eventually(lambda: not house.client.status().sources[0].problem)


def test_the_service_starts_beside_a_store_that_hangs_and_stops_too(house: SearchHouse, store: FaultyStore) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    store.break_down(Fault.HANG)
    house.restart(store=store.settings)
    assert house.found("红") == [photo]
    house.stop()
    store.mend()
    house.start(store=store.settings)
    assert house.found("红") == [photo]


def test_an_original_that_breaks_off_is_not_saved_as_if_it_were_whole(
    house: SearchHouse, store: FaultyStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    store.break_down(Fault.HALF_ANSWER, _is_original)
    folder = tmp_path_factory.mktemp("originals")
    with pytest.raises(SoutuError):
        house.client.save_original(photo, folder)
    assert not list(folder.iterdir())
    store.mend()
    assert house.client.save_original(photo, folder).read_bytes() == picture("红")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HANG, StoreUnavailable),
        (Fault.ERROR_500, StoreFailed),
        (Fault.ERROR_503, StoreUnavailable),
        (Fault.REFUSE, StoreRefused),
        (Fault.HALF_ANSWER, StoreUnavailable),
        (Fault.TOO_LONG, StoreUnavailable),
        (Fault.TRICKLE, StoreUnavailable),
    ],
)
def test_each_fault_of_a_read_is_the_stores_and_ends(
    bucket: S3Store, store: FaultyStore, fault: Fault, error: type[Exception]
) -> None:
    bucket.put("a.png", b"x" * 5000)
    store.break_down(fault)
    with pytest.raises(error):
        bucket.read("a.png", max_bytes=10_000)
    with pytest.raises(error):
        list(bucket.stream("a.png"))
    if fault is not Fault.TOO_LONG:  # a part is a part, and a list ends by itself
        with pytest.raises(error):
            bucket.read_range("a.png", offset=0, length=5000)
        with pytest.raises(error):
            list(bucket.walk())
    store.mend()
    assert bucket.read("a.png", max_bytes=10_000) == b"x" * 5000


def test_what_took_too_long_is_not_asked_for_again_and_what_broke_off_is(bucket: S3Store, store: FaultyStore) -> None:
    bucket.put("a.png", b"x" * 5000)
    store.break_down(Fault.HANG)
    with pytest.raises(StoreUnavailable):
        bucket.stat("a.png")
    assert store.faults == 1
    store.break_down(Fault.HALF_REQUEST)
    with pytest.raises(StoreUnavailable):
        bucket.put("b.png", os.urandom(300_000))
    assert store.faults == 3


def test_a_store_that_disappears_in_the_middle_of_an_upload(house: SearchHouse, store: FaultyStore) -> None:
    outcome: list[object] = []
    data = picture("红") + os.urandom(3 << 20)

    def send() -> None:
        try:
            outcome.append(house.upload("large.png", data))
        except SoutuError as error:
            outcome.append(error)

    store.break_down(Fault.HANG, lambda method, path: method == "PUT" and path.endswith("large.png"))
    thread = threading.Thread(target=send)
    thread.start()
    eventually(lambda: store.faults)
    store.break_down(Fault.HALF_REQUEST)
    store.released.set()
    thread.join(120)
    assert isinstance(outcome[0], UnavailableError), outcome
    assert house.listed() == set()
    store.mend()
    assert house.upload("large.png", data) == photo_id_of(data)
