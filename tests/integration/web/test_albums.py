"""Albums as wholes."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from search_house import SearchHouse, photo_id_of, picture
from soutu_client.web import album_api

PICTURES = [picture("红", number) for number in (71, 72, 73)]
IDS = [photo_id_of(data) for data in PICTURES]


@pytest.fixture(autouse=True)
def _albums(house: SearchHouse) -> None:
    for number, data in enumerate(PICTURES):
        house.upload(f"相册/{number}.png", data)
    house.client.annotate(IDS, add_albums=["老名字"], remove_albums=["新名字", "别的"])
    house.client.annotate(IDS[:1], add_albums=["别的"])


def albums(house: SearchHouse) -> list[tuple[str, ...]]:
    return [house.photo(photo_id).annotations.albums for photo_id in IDS]


def test_an_album_takes_another_name(web: TestClient, house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album_api, "_PAGE", 2)
    answer = web.post("/api/albums/rename", json={"album": "老名字", "name": " 新名字 "})
    assert answer.json() == {"photos": 3}
    assert albums(house) == [("别的", "新名字"), ("新名字",), ("新名字",)]
    assert web.post("/api/albums/rename", json={"album": "新名字", "name": "新名字"}).json() == {"photos": 0}
    assert albums(house)[1:] == [("新名字",), ("新名字",)]


def test_two_albums_become_one(web: TestClient, house: SearchHouse) -> None:
    assert web.post("/api/albums/rename", json={"album": "别的", "name": "老名字"}).json() == {"photos": 1}
    assert albums(house) == [("老名字",)] * 3


def test_an_album_ends_and_its_photos_stay(web: TestClient, house: SearchHouse) -> None:
    assert web.post("/api/albums/dissolve", json={"album": "老名字"}).json() == {"photos": 3}
    assert albums(house) == [("别的",), (), ()]


@pytest.mark.parametrize(
    "body", [{"album": "", "name": "新"}, {"album": "老名字", "name": " "}, {"album": "老名字", "name": "长" * 101}]
)
def test_what_is_no_name_is_refused(web: TestClient, house: SearchHouse, body: dict[str, str]) -> None:
    assert web.post("/api/albums/rename", json=body).status_code == 400
    assert albums(house)[1:] == [("老名字",), ("老名字",)]
