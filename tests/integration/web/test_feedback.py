"""The record of use over HTTP: the admin's to turn, see and erase; of the family; never of guests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from search_house import SearchHouse
from soutu_client import Deed, Feedback, ImageTerm, PhotoTerm, TextTerm
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings
from soutu_services.runtime.access import FolderAccess, Scope

PHOTO = "0123456789abcdef" * 2
USE = {"did": "open", "terms": [{"text": "雪地里的狗"}, {"text": "人", "weight": -0.5}], "photo_id": PHOTO, "rank": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "feedback"


@pytest.fixture
def page(web: TestClient, house: SearchHouse, folder: Path) -> Iterator[TestClient]:
    application = create_application(WebSettings(address=house.address, feedback_folder=folder))
    with TestClient(application, base_url="http://localhost", headers=dict(web.headers), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def guarded(house: SearchHouse) -> Iterator[SearchHouse]:
    house.restart(tokens="required")
    yield house
    house.restart(tokens="auto")


def test_it_is_off_until_the_owner_turns_it_on(page: TestClient, folder: Path) -> None:
    assert page.get("/api/session").json()["records_use"] is False
    nothing = {"uses": 0, "broken_lines": 0, "size_bytes": 0, "since": None}
    assert page.get("/api/feedback").json() == {"can_record": True, "is_on": False, **nothing}
    assert page.post("/api/feedback/uses", json=USE).json() == {"kept": False}
    assert not folder.exists()
    assert page.post("/api/feedback", json={"record": True}).json()["is_on"] is True
    assert page.get("/api/session").json()["records_use"] is True
    assert page.post("/api/feedback/uses", json=USE).json() == {"kept": True}
    terms = [{"photo_id": PHOTO}, {"picture": True}]
    assert page.post("/api/feedback/uses", json=USE | {"did": "not_this", "terms": terms}).json() == {"kept": True}
    first, second = Feedback(folder).read().uses
    assert (first.did, first.terms, first.photo_id, first.rank, first.who) == (
        Deed.OPEN,
        (TextTerm("雪地里的狗"), TextTerm("人", -0.5)),
        PHOTO,
        3,
        "",
    )
    assert (second.did, second.terms) == (Deed.NOT_THIS, (PhotoTerm(PHOTO), ImageTerm(b"")))


def test_the_owner_sees_and_erases_it(page: TestClient, folder: Path) -> None:
    page.post("/api/feedback", json={"record": True})
    page.post("/api/feedback/uses", json=USE)
    with Feedback(folder).path.open("ab") as file:
        file.write(b"half a li")
    state = page.get("/api/feedback").json()
    assert (state["uses"], state["broken_lines"], state["size_bytes"]) == (1, 1, Feedback(folder).path.stat().st_size)
    answer = page.get("/api/feedback/record")
    assert answer.headers["cache-control"] == "no-store"
    (line,) = map(json.loads, answer.text.splitlines())
    assert (line["terms"][0], line["rank"]) == ({"text": "雪地里的狗"}, 3)
    assert page.post("/api/feedback/clear").json()["uses"] == 0
    assert page.get("/api/feedback/record").text == ""
    assert page.post("/api/feedback", json={"record": False}).json()["is_on"] is False
    assert page.post("/api/feedback/uses", json=USE).json() == {"kept": False}


@pytest.mark.parametrize(
    "change",
    [
        {"did": "eat"}, {"terms": []}, {"terms": [{"text": ""}]}, {"terms": [{"text": "狗" * 1001}]}, {"rank": 0},
        {"terms": [{"picture": False}]}, {"terms": [{"picture": "base64"}]}, {"terms": [{"text": "狗"}] * 33},
        {"photo_id": "../../x"}, {"rank": "3"}, {"who": "外婆"}, {"terms": [{"text": "狗", "weight": 1e9}]},
    ],
)  # fmt: skip
def test_what_is_no_use_is_refused(page: TestClient, folder: Path, change: dict[str, object]) -> None:
    page.post("/api/feedback", json={"record": True})
    answer = page.post("/api/feedback/uses", json={**USE, **change})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BAD_REQUEST")
    assert not Feedback(folder).path.exists()


@pytest.mark.parametrize("path", ["/api/feedback", "/api/feedback/uses", "/api/feedback/clear"])
def test_another_page_can_neither_turn_it_nor_write_nor_erase(page: TestClient, folder: Path, path: str) -> None:
    page.post("/api/feedback", json={"record": True})
    page.post("/api/feedback/uses", json=USE)
    body = {"/api/feedback": {"record": False}, "/api/feedback/uses": USE}.get(path)
    del page.headers["x-soutu"]
    answer = page.post(path, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (403, "CSRF")
    assert (Feedback(folder).is_on, len(Feedback(folder).read().uses)) == (True, 1)


def test_without_a_folder_it_cannot_be_turned_on(web: TestClient) -> None:
    assert web.get("/api/feedback").json()["can_record"] is False
    answer = web.post("/api/feedback", json={"record": True})
    assert (answer.status_code, answer.json()["reason"]) == (404, "NO_FEEDBACK_FOLDER")
    assert "SOUTU_WEB_FEEDBACK_FOLDER" in answer.json()["message"]
    assert web.post("/api/feedback/uses", json=USE).json() == {"kept": False}


def test_a_full_disk_stops_nobody(page: TestClient, folder: Path) -> None:
    page.post("/api/feedback", json={"record": True})
    Feedback(folder).path.mkdir()
    assert page.post("/api/feedback/uses", json=USE).json() == {"kept": False}


def test_guests_are_refused_and_the_family_is_told_apart(guarded: SearchHouse, page: TestClient, folder: Path) -> None:
    Feedback(folder).turn(is_on=True)
    create = guarded.service.access.create
    folders = [FolderAccess("", "旅行")]
    guests = [create(name="客人", scope=Scope.READ, folders=confined)[1] for confined in ([], folders)]
    family = [create(name=name, scope=scope, folders=[])[1] for name, scope in (("奶奶", Scope.WRITE), ("爸爸", Scope.ADMIN))]
    for secret in guests:
        login = {"authorization": f"Bearer {secret}"}
        assert page.get("/api/session", headers=login).json()["records_use"] is False
        state = page.get("/api/feedback", headers=login).json()
        assert (state["can_record"], state["is_on"], state["uses"]) == (False, False, None)
        answer = page.post("/api/feedback/uses", json=USE, headers=login)
        assert (answer.status_code, answer.json()["reason"]) == (403, "GUEST")
    for secret in (*guests, family[0]):
        login = {"authorization": f"Bearer {secret}"}
        for method, path, body in (
            ("POST", "/api/feedback", {"record": False}),
            ("GET", "/api/feedback/record", None),
            ("POST", "/api/feedback/clear", None),
        ):
            answer = page.request(method, path, json=body, headers=login)
            assert (answer.status_code, answer.json()["reason"]) == (403, "ADMIN_ONLY")
    assert page.post("/api/feedback/uses", json=USE).status_code == 401
    assert not Feedback(folder).path.exists()
    for secret in (*family, family[0]):
        login = {"authorization": f"Bearer {secret}"}
        assert page.get("/api/session", headers=login).json()["records_use"] is True
        assert page.post("/api/feedback/uses", json=USE, headers=login).json() == {"kept": True}
    one, other, again = (use.who for use in Feedback(folder).read().uses)
    assert one == again != other
    text = Feedback(folder).path.read_text()
    assert not any(secret[-12:] in text for secret in family)
    assert "奶奶" not in text
    state = page.get("/api/feedback", headers={"authorization": f"Bearer {family[0]}"}).json()
    assert (state["is_on"], state["uses"]) == (True, None), "that it is on is told to everyone whose use is recorded"
