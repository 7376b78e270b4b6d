"""Pictures that crash their decoder, keep it busy for ever or eat its memory: each costs exactly itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hostile_reader import HOSTILE, hostile
from patience import PATIENCE, eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import ImageTerm, InvalidInputError, JobState, PhotoState
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.decoding.process import Confinement
from soutu_services.search.imaging import PictureLimits

ORDERS = ("crash", "spin", "devour")


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderPool]:
    """Return decoders that are measured by the processor's time alone: by the clock, a good one may wait long for its turn."""
    monkeypatch.setattr("soutu_services.search.decoding.process._CLOCK_SECONDS_A_PROCESSOR_SECOND", PATIENCE)
    with DecoderPool(Confinement(PictureLimits(), seconds=1.5, memory_bytes=1 << 30), processes=2, reader=HOSTILE) as pool:
        yield pool


def test_each_hostile_picture_costs_exactly_one_photo(
    start_house: Callable[..., SearchHouse], decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = start_house(decoders=decoders)
    bad = {f"a-{order}.png": hostile(picture("红", at), order) for at, order in enumerate(ORDERS)}
    good = {f"{'ab'[at % 2]}-{at}.png": picture("蓝", at) for at in range(12)}  # some come before, some with, some after
    for name, data in (bad | good).items():
        house.bucket("photos").put(name, data)
    house.upload("upload.png", picture("绿"))
    assert house.sync().state is JobState.SUCCEEDED
    status = house.client.status()
    assert (status.photos_ready, status.photos_unreadable, status.photos_pending) == (len(good) + 1, len(bad), 0)
    for data in bad.values():
        photo = house.photo(photo_id_of(data))
        assert photo.state is PhotoState.UNREADABLE
        assert photo.unreadable is not None
        assert photo.unreadable.reason.name == "DECODER_FAILED"
        assert "save it anew with another program" in photo.unreadable.message
    read: list[bytes] = []
    monkeypatch.setattr(decoders, "read", lambda data, **_: read.append(data))
    house.restart()
    house.sync()
    assert not read, "a picture that broke its decoder is not tried for ever"


def test_a_hostile_picture_to_search_with_costs_its_search_alone(
    start_house: Callable[..., SearchHouse], decoders: DecoderPool
) -> None:
    house = start_house(decoders=decoders)
    photo = house.upload("red.png", picture("红"))
    house.settled()
    for order in ORDERS:
        with pytest.raises(InvalidInputError, match="decoder crashed, took too long or needed too much memory"):
            house.client.search([ImageTerm(hostile(picture("红"), order))])
    assert [hit.photo.photo_id for hit in house.client.search([ImageTerm(picture("红", 7))]).hits] == [photo]


def test_a_service_makes_decoders_of_its_own(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(decoders=None, decoder={"processes": 1, "seconds": 120})
    photo = house.upload("red.png", picture("红"))
    eventually(lambda: house.photo(photo).state is PhotoState.READY)
    (pid,) = house.service._decoders.pids
    assert pid
