"""Many originals as one ZIP."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from film_files import film
from picture_files import encoded
from search_house import SearchHouse, photo_id_of, picture
from soutu_client.web import download_api, zip_stream
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings
from soutu_services.runtime.access import FolderAccess, Scope

RED, GREEN, BLUE = picture("红", 61), picture("绿", 62), picture("蓝", 63)
NAMES = {"下载/IMG_20190102_030406.png": RED, "别处/img_20190102_030406.PNG": GREEN, "下载/CON \u202egnp.png": BLUE}


@pytest.fixture(autouse=True, scope="module")
def _filled(house: SearchHouse) -> None:
    for name, data in NAMES.items():
        house.upload(name, data)
    house.settled()


def address(web: TestClient, *contents: bytes) -> str:
    answer = web.post("/api/downloads", json={"photo_ids": [photo_id_of(data) for data in contents]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


def unzipped(answer: Any) -> zipfile.ZipFile:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def test_all_files_of_a_photo_come_and_each_by_itself_in_ranges_too(web: TestClient, house: SearchHouse) -> None:
    still, clip = encoded("JPEG"), film(container="mov")
    photo_id = house.upload("下载/IMG_9.jpg", still)
    house.upload("下载/IMG_9.mov", clip)
    house.settled()
    archive = unzipped(web.get(address(web, still)))
    assert {name: archive.read(name) for name in archive.namelist()} == {"IMG_9.jpg": still, "IMG_9.mov": clip}
    path = f"/api/photos/{photo_id}/original"
    part = web.get(path, params={"part": photo_id_of(clip)}, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, clip[10:20], "video/mp4")
    assert part.headers["etag"] == f'"{photo_id_of(clip)}"'
    assert "sandbox" in part.headers["content-security-policy"]
    assert web.get(f"/api/photos/{photo_id_of(clip)}/original").content == clip, "an id that it had before leads to its own bytes"
    assert web.get(path).content == still
    saved = web.get(path, params={"part": photo_id_of(clip), "download": 1})
    assert saved.headers["content-type"] == "video/quicktime"
    assert web.get(path, params={"part": "0" * 32}).status_code == 404
    assert web.get(path, params={"part": "../x"}).status_code == 400
    house.client.delete([photo_id])


def test_originals_come_as_they_are_under_names_that_any_system_takes(web: TestClient) -> None:
    answer = web.get(address(web, RED, GREEN, BLUE, RED))
    archive = unzipped(answer)
    assert archive.namelist() == ["IMG_20190102_030406.png", "img_20190102_030406 (2).PNG", "CON gnp.png"]
    assert [archive.read(name) for name in archive.namelist()] == [RED, GREEN, BLUE]
    assert archive.infolist()[0].date_time == (2019, 1, 2, 3, 4, 6)
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''photos%20")


def test_a_photo_that_is_gone_is_named_and_costs_no_other(web: TestClient, house: SearchHouse) -> None:
    gone = picture("绿", 64)
    house.upload("下载/走.png", gone)
    house.settled()
    where = address(web, gone, RED)
    house.bucket("photos").remove(next(key for key in house.keys("photos") if key.endswith("走.png")))
    archive = unzipped(web.get(where))
    assert archive.read("IMG_20190102_030406.png") == RED
    assert archive.namelist()[-1] == "photos that are missing.txt"
    assert photo_id_of(gone) in archive.read("photos that are missing.txt").decode()


def test_guests_get_what_they_may_see(house: SearchHouse) -> None:
    house.restart(tokens="required")
    try:
        owner, guest = (
            house.service.access.create(name=name, scope=Scope.READ, folders=folders)[1]
            for name, folders in (("家", ()), ("客", (FolderAccess("photos", "下载"),)))
        )
        with TestClient(create_application(WebSettings(address=house.address)), base_url="http://localhost") as web:
            where = web.post(
                "/api/downloads",
                json={"photo_ids": [photo_id_of(RED), photo_id_of(GREEN)]},
                headers={"authorization": f"Bearer {owner}"},
            ).json()["url"]
            archive = unzipped(web.get(where, headers={"authorization": f"Bearer {guest}", "accept-language": "en"}))
            assert archive.namelist() == ["IMG_20190102_030406.png", "photos that are missing.txt"]
            assert web.get(where).status_code == 401
    finally:
        house.restart(tokens="off")


def test_an_address_ends_and_is_not_guessed(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    where = address(web, RED)
    monkeypatch.setattr(download_api, "_KEPT_SECONDS", 0.0)
    for path in (where, f"/api/downloads/{'a' * 32}"):
        answer = web.get(path)
        assert (answer.status_code, answer.json()["reason"]) == (404, "DOWNLOAD_EXPIRED")


@pytest.mark.parametrize("ids", [[], ["../../etc/passwd"], ["0" * 31], ["0" * 32] * 5001])
def test_what_is_no_list_of_photos_is_refused(web: TestClient, ids: list[str]) -> None:
    assert web.post("/api/downloads", json={"photo_ids": ids}).status_code == 400


def test_what_is_held_is_one_original_at_most(house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(zip_stream, "_CHUNK_BYTES", 1000)
    parts = zip_stream.zip_of(house.client, [photo_id_of(data) for data in (RED, GREEN, BLUE)])
    for part in parts:
        assert len(part) < 2000
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) <= 1
    assert not list(tmp_path.iterdir())


def test_one_who_leaves_leaves_nothing_behind(house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parts = zip_stream.zip_of(house.client, [photo_id_of(RED)])
    next(parts)
    assert list(tmp_path.iterdir())
    parts.close()
    assert not list(tmp_path.iterdir())
