"""Photos as tuning gets them from the search service."""

from __future__ import annotations

from datetime import datetime

import pytest
from soutu.search.v1 import photo_pb2

from soutu_services.tuning.library_client import _photo

NOON, MIDNIGHT = "2019-05-01T12:30:07", "2019-05-01T00:00:00"


@pytest.mark.parametrize(
    ("origin", "at", "tells"),
    [
        ("EXIF", NOON, True),
        ("EXIF", MIDNIGHT, True),
        ("NAME", NOON, True),
        ("NAME", MIDNIGHT, False),
        ("TOLD", NOON, True),
        ("TOLD", MIDNIGHT, False),
        ("PERSON", NOON, False),
        ("MODIFIED", NOON, False),
        ("UNSPECIFIED", "", False),
    ],
)
def test_bursts_are_of_times_that_tell_the_second(origin: str, at: str, tells: bool) -> None:
    taken = photo_pb2.Taken(local_time=at, origin=photo_pb2.TakenOrigin.Value(f"TAKEN_ORIGIN_{origin}"))
    moment = _photo(photo_pb2.Photo(photo_id="0" * 32, taken=taken)).moment
    assert moment == (datetime.fromisoformat(at) if tells else None)
