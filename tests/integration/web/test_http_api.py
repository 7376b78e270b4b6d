"""The HTTP API: what it answers, and what it refuses in which words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from picture_files import encoded, scene
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import Client, OriginalStream
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings
from soutu_services.runtime.access import FolderAccess, Scope

RED, GREEN, BLUE = picture("红", 1), picture("绿", 2), picture("蓝", 3)


@pytest.fixture(autouse=True, scope="module")
def _filled(house: SearchHouse) -> None:
    for name, data in (("旅行/红.png", RED), ("旅行/绿.png", GREEN), ("家/蓝.png", BLUE)):
        house.upload(name, data)
    house.settled()


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["photo"]["photo_id"] for hit in answer.json()["hits"]]


def test_words_find_a_photo(web: TestClient) -> None:
    assert ids(web.post("/api/search", json={"terms": [{"text": "红"}]}))[0] == photo_id_of(RED)


def test_a_picture_finds_its_like_and_not_words_push_it_away(web: TestClient) -> None:
    image = base64.b64encode(GREEN).decode()
    assert ids(web.post("/api/search", json={"terms": [{"image": image}]}))[0] == photo_id_of(GREEN)
    terms = [{"photo_id": photo_id_of(GREEN)}, {"text": "绿", "weight": -1}]
    assert ids(web.post("/api/search", json={"terms": terms}))[0] != photo_id_of(GREEN)


def test_filters_and_pages(web: TestClient) -> None:
    first = web.post("/api/search", json={"filter": {"folders": ["旅行"]}, "page_size": 1})
    token = first.json()["next_page_token"]
    second = web.post("/api/search", json={"filter": {"folders": ["旅行"]}, "page_size": 1, "page_token": token})
    assert {*ids(first), *ids(second)} == {photo_id_of(RED), photo_id_of(GREEN)}


def test_a_photo_is_told_whole(web: TestClient) -> None:
    photo = web.get(f"/api/photos/{photo_id_of(BLUE)[:8]}").json()
    assert (photo["photo_id"], photo["state"], photo["names"][0]["name"]) == (photo_id_of(BLUE), "READY", "家/蓝.png")


def test_a_thumbnail_is_kept_by_the_browser(web: TestClient) -> None:
    path = f"/api/photos/{photo_id_of(RED)}/thumbnail"
    answer = web.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert answer.headers["cache-control"] == "private, max-age=86400"
    again = web.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_large_thumbnail_is_made_of_what_browsers_cannot_show(web: TestClient, house: SearchHouse) -> None:
    photo_id = house.upload("手机/大.heic", encoded("HEIF", scene(3000, 1500)))
    house.settled()
    path = f"/api/photos/{photo_id}/thumbnail"
    sizes = [Image.open(io.BytesIO(web.get(path, params=asked).content)) for asked in ({}, {"large": "true"})]
    assert [(one.format, one.size) for one in sizes] == [("JPEG", (512, 256)), ("JPEG", (2048, 1024))]
    assert web.get(path).headers["etag"] != web.get(path, params={"large": "true"}).headers["etag"]
    assert len([key for key in house.keys("thumbnails") if photo_id in key.replace("/", "")]) == 1  # the large one is not kept


def test_an_original_comes_whole_in_parts_and_under_its_name(web: TestClient) -> None:
    path = f"/api/photos/{photo_id_of(RED)}/original"
    whole = web.get(path)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, RED, "image/png")
    assert whole.headers["content-disposition"] == "inline; filename*=UTF-8''%E7%BA%A2.png"
    part = web.get(path, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, RED[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(RED)}"
    for suffix in (7, 10**18):
        last = web.get(path, headers={"range": f"bytes=-{suffix}"})
        assert (last.status_code, last.content) == (206, RED[-suffix:])
    tail = web.get(path, headers={"range": f"bytes={len(RED) - 3}-{'9' * 19}"})
    assert (tail.content, tail.headers["content-range"]) == (RED[-3:], f"bytes {len(RED) - 3}-{len(RED) - 1}/{len(RED)}")
    changed = web.get(path, headers={"range": "bytes=10-19", "if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, RED)
    assert web.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    for nothing in (f"{len(RED)}-", f"{'9' * 19}-", "-0"):
        beyond = web.get(path, headers={"range": f"bytes={nothing}"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(RED)}")
    for no_range in ("bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert web.get(path, headers={"range": no_range}).content == RED
    assert web.get(path, params={"download": "1"}).headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(("asked", "expected"), [("bytes=0-0", 1), ("bytes=2-4", 3), ("bytes=0-99999999", None)])
def test_a_service_that_sends_more_than_was_asked_for_does_not_lengthen_the_answer(
    web: TestClient, monkeypatch: pytest.MonkeyPatch, asked: str, expected: int | None
) -> None:
    read = Client.read_original

    def all_of_it(
        client: Client, photo_id: str, *, part_id: str = "", offset: int = 0, length: int | None = None
    ) -> OriginalStream:
        del length
        return read(client, photo_id, part_id=part_id, offset=offset)

    path = f"/api/photos/{photo_id_of(RED)}/original"
    whole = web.get(path).content
    monkeypatch.setattr(Client, "read_original", all_of_it)
    answer = web.get(path, headers={"range": asked})
    begin = int(asked[6])
    assert answer.content == whole[begin : begin + (expected or len(whole))]
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_what_people_add_is_found(web: TestClient) -> None:
    answer = web.post("/api/photos/annotate", json={"photo_ids": [photo_id_of(BLUE)], "favourite": True, "caption": "外婆的院子"})
    assert answer.json()["photos"][0]["annotations"]["caption"] == "外婆的院子"
    assert ids(web.post("/api/search", json={"terms": [{"text": "外婆的院子"}]}))[0] == photo_id_of(BLUE)
    assert ids(web.post("/api/search", json={"filter": {"favourite": True}})) == [photo_id_of(BLUE)]


def test_a_wrong_date_is_put_right_and_taken_back(web: TestClient) -> None:
    chosen = {"photo_ids": [photo_id_of(BLUE)]}
    before = web.get(f"/api/photos/{photo_id_of(BLUE)}").json()["taken"]
    told = web.post("/api/photos/annotate", json={**chosen, "taken": "1988-10-01"}).json()["photos"][0]["taken"]
    assert (told["local_time"], told["origin"]) == ("1988-10-01T00:00:00", "PERSON")
    assert ids(web.post("/api/search", json={"filter": {"taken_until": "1988"}})) == [photo_id_of(BLUE)]
    wrong = web.post("/api/photos/annotate", json={**chosen, "taken": "gestern"})
    assert (wrong.status_code, wrong.json()["reason"]) == (400, "BAD_DATE")
    assert web.post("/api/photos/annotate", json={**chosen, "taken": ""}).json()["photos"][0]["taken"] == before


def test_a_file_is_added_and_the_same_one_is_known(web: TestClient, house: SearchHouse) -> None:
    data = picture("红", 44)
    created = [web.put("/api/uploads", params={"name": "新/加.png"}, content=data).json()["created"] for _ in range(2)]
    assert created == [True, False]
    house.settled()
    assert photo_id_of(data) in ids(web.post("/api/search", json={"terms": [{"text": "加"}]}))


def test_what_is_deleted_is_listed_apart_and_comes_back(web: TestClient) -> None:
    chosen = {"photo_ids": [photo_id_of(GREEN)]}
    assert web.post("/api/photos/delete", json=chosen).json() == chosen
    listed = web.get("/api/photos", params={"deleted": True}).json()
    assert [photo["photo_id"] for photo in listed["photos"]] == chosen["photo_ids"]
    assert photo_id_of(GREEN) not in ids(web.post("/api/search", json={}))
    assert web.post("/api/photos/undelete", json=chosen).json() == chosen
    assert photo_id_of(GREEN) in ids(web.post("/api/search", json={}))


def test_the_status_tells_of_the_library_and_a_sync_of_its_end(web: TestClient) -> None:
    assert web.get("/api/status").json()["photos"] >= 3
    job = web.post("/api/sync", json={}).json()
    with web.stream("GET", f"/api/jobs/{job['job_id']}/events") as answer:
        told = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]
    assert (told[-1]["kind"], told[-1]["state"]) == ("SYNC", "SUCCEEDED")
    assert web.get("/api/jobs").json()["jobs"][0]["job_id"] == job["job_id"]


def test_the_summary_says_what_there_is_to_choose_from(web: TestClient) -> None:
    summary = web.get("/api/summary", params={"folders": ["旅行", "家"], "formats": "png"}).json()
    assert summary["total"] == 3
    assert {(one["folder"], one["photos"]) for one in summary["folders"]} >= {("旅行", 2), ("家", 1)}
    assert web.get("/api/summary", params={"folders": "家"}).json()["total"] == 1
    assert web.get("/api/summary", params={"words": "a typo"}).status_code == 400


def test_a_summary_that_has_not_changed_is_not_sent_again(web: TestClient) -> None:
    first = web.get("/api/summary")
    again = web.get("/api/summary", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "private, no-cache")
    web.post("/api/photos/annotate", json={"photo_ids": [photo_id_of(RED)], "add_tags": ["新的标签"]})
    changed = web.get("/api/summary", headers={"if-none-match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["tags"]) == (200, [{"name": "新的标签", "photos": 1}])
    web.post("/api/photos/annotate", json={"photo_ids": [photo_id_of(RED)], "remove_tags": ["新的标签"]})


def test_near_duplicates_come_in_groups(web: TestClient) -> None:
    assert isinstance(web.get("/api/duplicates").json()["groups"], list)


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (("GET", f"/api/photos/{'0' * 32}", None), 404, "PHOTO_NOT_FOUND"),
        (("GET", "/api/photos/nonsense", None), 400, "BAD_REQUEST"),
        (("POST", "/api/search", {"terms": [{"text": "x" * 10_000}]}), 400, ""),
        (("POST", "/api/search", {"terms": [{"image": base64.b64encode(b"no picture").decode()}]}), 400, ""),
        (("POST", "/api/search", {"terms": [{"image": "%%%"}]}), 400, "BAD_REQUEST"),
        (("POST", "/api/search", {"page_token": "nonsense"}), 400, ""),
        (("POST", "/api/search", {"words": "a typo"}), 400, "BAD_REQUEST"),
        (("POST", "/api/search", {"filter": {"taken_from": "someday"}}), 400, "BAD_DATE"),
        (("GET", "/api/jobs/nonsense/events", None), 404, ""),
        (("GET", "/api/photos?state=UNKNOWN", None), 400, "UNKNOWN_VALUE"),
        (("GET", "/api/summary?kinds=UNKNOWN", None), 400, "UNKNOWN_VALUE"),
        (("GET", "/api/nothing", None), 404, "HTTP_404"),
        (("DELETE", "/api/search", None), 405, "HTTP_405"),
    ],
)
def test_what_cannot_be_right_is_told_in_one_line(
    web: TestClient, request_: tuple[str, str, Any], status: int, reason: str
) -> None:
    method, path, body = request_
    answer = web.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert set(problem) == {"reason", "message"}
    assert problem["message"]
    assert "\n" not in problem["message"]
    assert reason in problem["reason"]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/search", {"terms": [{"text": "half \ud83d"}]}), ("/api/photos/annotate", {"photo_ids": ["\udc00"]})],
)
def test_half_an_emoji_is_no_text(web: TestClient, path: str, body: object) -> None:
    answer = web.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BAD_REQUEST"), answer.text


def test_an_emoji_is_a_query_like_any_other(web: TestClient) -> None:
    assert web.post("/api/search", json={"terms": [{"text": "🐶"}]}).status_code == 200


def test_errors_are_in_the_callers_language(web: TestClient) -> None:
    for language, word in (("zh-CN,zh;q=0.9,en;q=0.8", "找不到"), ("en-GB", "no such photo"), ("fr", "no such photo")):
        assert word in web.get(f"/api/photos/{'0' * 32}", headers={"accept-language": language}).json()["message"]


@pytest.mark.parametrize(("name", "data"), [("文字.jpg", b"only text"), ("页.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")])
def test_what_is_no_photo_costs_nobody_anything(web: TestClient, house: SearchHouse, name: str, data: bytes) -> None:
    answer = web.put("/api/uploads", params={"name": name}, content=data)
    house.settled()
    if answer.status_code == 200:  # by its name it is one: the library says why it cannot be read
        photo = web.get(f"/api/photos/{answer.json()['photo_id']}").json()
        assert photo["unreadable"]["message"]
    else:
        assert answer.json()["reason"] == "NOT_A_PHOTO"
    assert photo_id_of(RED) in ids(web.post("/api/search", json={}))


def test_too_much_is_refused_before_it_is_read(web: TestClient) -> None:
    large = b"\0" * ((1 << 20) + 1)
    answer = web.put("/api/uploads", params={"name": "a.jpg"}, content=large)
    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_LARGE")
    answer = web.post("/api/search", content=large)
    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_LARGE")
    unannounced = (large[begin : begin + 65536] for begin in range(0, len(large), 65536))
    answer = web.post("/api/search", content=unannounced)
    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_LARGE")


def test_a_page_elsewhere_can_neither_change_anything_nor_read_by_a_name_of_its_own(web: TestClient, house: SearchHouse) -> None:
    forged = {"accept-language": "en", "origin": "https://evil.example"}
    with TestClient(web.app, base_url="http://localhost") as browser:
        answer = browser.post("/api/photos/delete", json={"photo_ids": [photo_id_of(RED)]}, headers=forged)
        assert (answer.status_code, answer.json()["reason"]) == (403, "CSRF")
        basic = forged | {"authorization": "Basic c291dHU6c291dHU="}
        answer = browser.post("/api/photos/delete", json={"photo_ids": [photo_id_of(RED)]}, headers=basic)
        assert (answer.status_code, answer.json()["reason"]) == (403, "CSRF")
    assert photo_id_of(RED) in house.listed()
    rebound = web.get("/api/status", headers={"host": "evil.example:8400"})
    assert (rebound.status_code, rebound.json()["reason"]) == (421, "UNKNOWN_HOST")
    for host in ("127.0.0.1:8400", "[::1]:8400", "nas.local", "192.168.1.5"):
        assert web.get("/api/status", headers={"host": host}).status_code == 200
    settings = WebSettings(address=house.address, hosts="photos.example")
    with TestClient(create_application(settings), base_url="http://photos.example") as named:
        assert named.get("/api/status").status_code == 200


def test_every_answer_forbids_what_the_page_does_not_need(web: TestClient) -> None:
    for path in ("/api/status", "/api/nothing", f"/api/photos/{photo_id_of(RED)}/original", "/static/%2e%2e/application.py"):
        headers = web.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers  # it would count for every port of the house's machine
    assert "sandbox" in web.get(f"/api/photos/{photo_id_of(RED)}/original").headers["content-security-policy"]


def test_a_search_service_that_is_away_is_told_and_it_goes_on_by_itself(web: TestClient, house: SearchHouse) -> None:
    address = house.address
    house.stop()
    answer = web.get("/api/status")
    assert (answer.status_code, answer.json()["reason"]) == (503, "UNREACHABLE")
    house.start(listen=address)
    assert web.get("/api/status").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/api/session", "DELETE, GET, POST"),
        ("PUT", "/api/photos/annotate", "POST"),
        ("GET", "/api/photos/delete", "POST"),
        ("DELETE", f"/api/photos/{'0' * 32}", "GET"),
        ("PATCH", "/", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_answered_with_the_right_ones(web: TestClient, method: str, path: str, allowed: str) -> None:
    answer = web.request(method, path)
    assert answer.status_code == 405
    assert ", ".join(sorted(answer.headers["allow"].split(", "))) == allowed


def test_the_api_describes_itself(web: TestClient) -> None:
    described = web.get("/api/openapi.json").json()
    assert {"/api/search", "/api/photos/{photo_id}/original", "/api/uploads"} <= set(described["paths"])


@pytest.fixture
def guarded(house: SearchHouse) -> Iterator[SearchHouse]:
    """The house, where nothing is told without a token; as it was afterwards, since tests come in any order."""
    house.restart(tokens="required")
    yield house
    house.restart(tokens="auto")


def test_a_token_logs_in_is_kept_from_scripts_and_confines(
    guarded: SearchHouse, web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = guarded.service.access.create(name="外婆", scope=Scope.READ, folders=[FolderAccess("", "旅行")])[1]
    settings = WebSettings(address=guarded.address)
    with TestClient(create_application(settings), base_url="http://localhost", headers=dict(web.headers)) as browser:
        answer = browser.get("/api/session")
        assert answer.status_code == 401
        assert "token" in answer.json()["message"]
        assert browser.post("/api/session", json={"token": "soutu_wrong"}).status_code == 401
        assert browser.get("/api/session").status_code == 401
        answer = browser.post("/api/session", json={"token": f" {secret}\n"})
        assert answer.json()["access"] == {"name": "外婆", "scope": "READ", "folders": [{"folder": "旅行", "source": ""}]}
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert set(ids(browser.post("/api/search", json={}))) == {photo_id_of(RED), photo_id_of(GREEN)}
        assert browser.get(f"/api/photos/{photo_id_of(BLUE)}/thumbnail").status_code == 404
        for photo, status in ((RED, 206), (BLUE, 404)):
            part = browser.get(f"/api/photos/{photo_id_of(photo)}/original", headers={"range": "bytes=-5"})
            assert (part.status_code, part.content == RED[-5:]) == (status, photo is RED)
        assert browser.post("/api/photos/delete", json={"photo_ids": [photo_id_of(RED)]}).status_code == 403
        monkeypatch.setattr("soutu_client.web.upload_api.tempfile", None)  # nothing of it is kept
        for headers, status in (({}, 403), ({"authorization": "Bearer soutu_wrong"}, 401)):
            assert browser.put("/api/uploads?name=a.jpg", content=b"bytes", headers=headers).status_code == status
        assert browser.delete("/api/session").status_code == 204
        assert browser.get("/api/session").status_code == 401
        by_header = {"authorization": f"Bearer {secret}"}
        assert browser.get("/api/session", headers=by_header).json()["access"]["name"] == "外婆"
