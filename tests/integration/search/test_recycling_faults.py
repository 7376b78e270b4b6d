"""A photo store that fails in the middle of a move: nothing is lost, and what was asked for is done when asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from colour_encoder import ColourEncoder
from faulty_store import Fault, FaultyStore, faulty_store
from object_store import ObjectServer
from patience import eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import NotFoundError, NotReadyError, UnavailableError

_DATA = picture("红")
_PHOTO = photo_id_of(_DATA)
_NAME = "a.png"
_RECYCLED = f"photos/{_PHOTO}/{_NAME}"

_faults = pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.HANG, Fault.LOST_ANSWER, Fault.REFUSE])
_steps = pytest.mark.parametrize("step", ["copy", "remove"])


@pytest.fixture
def store(object_server: ObjectServer) -> Iterator[FaultyStore]:
    with faulty_store(object_server) as proxy:
        yield proxy


@pytest.fixture
def house(start_house: Callable[..., SearchHouse], store: FaultyStore, monkeypatch: pytest.MonkeyPatch) -> SearchHouse:
    monkeypatch.setattr("soutu_services.search.store._CONFUSED_SECONDS", 0.01)
    house = start_house(object_server=store)
    store.pools = lambda: [connection.pool for connection in house.service._buckets._connections]
    house.upload(_NAME, _DATA)
    house.settled()
    return house


def _break_down(store: FaultyStore, fault: Fault, step: str) -> None:
    method = {"copy": "PUT", "remove": "DELETE"}[step]
    store.break_down(fault, lambda asked, path: asked == method and path.endswith(".png"))


def _copies(house: SearchHouse) -> set[str]:
    """The places where the bytes are, whole, as anybody sees them on the store's own disk."""
    folder = house.store.folder
    named = {house.bucket(name).bucket: name for name in ("photos", "recycle")}
    return {
        f"{name} {path.relative_to(folder / bucket).as_posix()}"
        for bucket, name in named.items()
        for path in (folder / bucket).rglob("*.png")
        if path.is_file() and path.read_bytes() == _DATA
    }


@_faults
@_steps
def test_photo_is_deleted_though_the_store_fails_and_its_file_is_moved_later(
    house: SearchHouse, store: FaultyStore, encoder: ColourEncoder, fault: Fault, step: str
) -> None:
    _break_down(store, fault, step)
    assert house.client.delete([_PHOTO]) == [_PHOTO]
    assert store.faults
    assert house.listed() == set()
    assert _copies(house)
    store.mend()
    eventually(lambda: house.sync() and _copies(house) == {f"recycle {_RECYCLED}"})
    assert house.listed(deleted=True) == {_PHOTO}
    assert house.client.undelete([_PHOTO]) == [_PHOTO]
    assert _copies(house) == {f"photos {_NAME}"}
    assert house.listed() == {_PHOTO}
    assert encoder.images_embedded == 1


@_faults
@_steps
def test_photo_that_the_store_does_not_move_back_is_nowhere_lost_and_comes_back_when_asked_again(
    house: SearchHouse, store: FaultyStore, fault: Fault, step: str
) -> None:
    house.client.delete([_PHOTO])
    _break_down(store, fault, step)
    with pytest.raises((UnavailableError, NotReadyError), match="photo store"):
        house.client.undelete([_PHOTO])
    assert store.faults
    assert _copies(house)
    store.mend()
    assert house.client.undelete([_PHOTO]) == [_PHOTO]
    assert house.listed() == {_PHOTO}
    with house.client.read_original(_PHOTO) as original:
        assert b"".join(original) == _DATA
    house.sync()
    assert _copies(house) == {f"photos {_NAME}"}
    assert _found_by_a_check(house) == ()


@_faults
def test_photo_that_the_store_does_not_remove_is_purged_and_its_files_are_removed_later(
    house: SearchHouse, store: FaultyStore, fault: Fault
) -> None:
    house.client.delete([_PHOTO])
    _break_down(store, fault, "remove")
    with pytest.raises((UnavailableError, NotReadyError), match="photo store"):
        house.client.purge([_PHOTO])
    assert store.faults
    with pytest.raises(NotFoundError):
        house.photo(_PHOTO)
    store.mend()
    house.sync()
    assert _copies(house) == set()
    assert house.keys("thumbnails") == set()
    assert house.listed() == house.listed(deleted=True) == set()
    assert _found_by_a_check(house) == ()


@_faults
@_steps
def test_photo_is_not_purged_while_its_file_cannot_be_moved_away_and_is_when_asked_again(
    house: SearchHouse, store: FaultyStore, fault: Fault, step: str
) -> None:
    _break_down(store, fault, step)
    house.client.delete([_PHOTO])
    with pytest.raises((UnavailableError, NotReadyError), match="photo store"):
        house.client.purge([_PHOTO])
    store.mend()
    house.client.purge([_PHOTO])
    house.sync()
    assert _copies(house) == set()
    assert house.listed() == house.listed(deleted=True) == set()
    assert _found_by_a_check(house) == ()


def _found_by_a_check(house: SearchHouse) -> tuple[object, ...]:
    return list(house.client.watch_job(house.client.start_check().job_id, timeout_seconds=120))[-1].findings
