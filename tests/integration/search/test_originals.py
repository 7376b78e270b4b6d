"""Originals, whole and in parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from search_house import SearchHouse, photo_id_of, picture
from soutu_client import NotFoundError
from soutu_services.search.store import S3Store

LARGE = picture("红") + np.random.default_rng(1).bytes(5 << 20)  # more than one piece of the store's, and than one message
SIZE = len(LARGE)


@pytest.fixture
def asked_of_store(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Offsets and lengths that the store was asked to stream."""
    asked: list[tuple[int, int]] = []
    stream = S3Store.stream

    def noted(self: S3Store, key: str, *, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        asked.append((offset, length))
        return stream(self, key, offset=offset, length=length)

    monkeypatch.setattr(S3Store, "stream", noted)
    return asked


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({}, slice(SIZE)),
        ({"length": 10}, slice(10)),
        ({"offset": 3 << 20, "length": 2000}, slice(3 << 20, (3 << 20) + 2000)),
        ({"offset": 1 << 20, "length": 3 << 20}, slice(1 << 20, 4 << 20)),
        ({"offset": SIZE - 5, "length": 10}, slice(SIZE - 5, SIZE)),
        ({"offset": 9, "length": (1 << 64) - 1}, slice(9, SIZE)),
        ({"offset": SIZE - 1}, slice(SIZE - 1, SIZE)),
        ({"offset": -7}, slice(SIZE - 7, SIZE)),
        ({"offset": -7, "length": 3}, slice(SIZE - 7, SIZE - 4)),
        ({"offset": -SIZE - 99, "length": 4}, slice(4)),
        ({"offset": SIZE}, None),
        ({"offset": (1 << 63) - 1, "length": 1 << 63}, None),
    ],
    ids=str,
)
def test_a_part_of_an_original_is_read_from_where_it_begins(
    house: SearchHouse, asked_of_store: list[tuple[int, int]], part: dict[str, int], expected: slice | None
) -> None:
    photo = house.upload("大.png", LARGE)
    asked_of_store.clear()
    with house.client.read_original(photo, **part) as original:
        assert (original.size_bytes, original.file_name) == (SIZE, "大.png")
        assert original.read() == (LARGE[expected] if expected else b"")
    begin = expected.start or 0 if expected else 0
    assert asked_of_store == ([(begin, min(part.get("length", 0), SIZE - begin))] if expected else [])


def test_a_part_behind_the_end_of_what_is_gone_is_not_found(house: SearchHouse) -> None:
    photo = house.upload("大.png", LARGE)
    house.bucket("photos").remove("大.png")
    for offset in (0, SIZE):
        with pytest.raises(NotFoundError, match="not in the store"):
            house.client.read_original(photo, offset=offset)


def test_a_part_of_no_bytes_is_no_part(house: SearchHouse) -> None:
    with pytest.raises(ValueError, match="below 1"):
        house.client.read_original(photo_id_of(LARGE), length=0)


def test_a_deleted_original_is_read_in_parts(house: SearchHouse) -> None:
    photo = house.upload("大.png", LARGE)
    house.client.delete([photo])
    with house.client.read_original(photo, offset=-9) as original:
        assert original.read() == LARGE[-9:]


@pytest.mark.parametrize("part", [{}, {"offset": 5}, {"offset": -5, "length": 3}], ids=str)
def test_of_an_empty_original_every_part_is_empty(house: SearchHouse, part: dict[str, int]) -> None:
    house.bucket("photos").put("空.png", b"")
    house.sync()
    with house.client.read_original(photo_id_of(b""), **part) as original:
        assert (original.size_bytes, original.read()) == (0, b"")
