"""What is asked for beyond the limits is refused in one line that says the limit, before any work is done on it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from soutu.search.v1 import library_service_pb2 as library_pb
from soutu.search.v1 import photo_service_pb2 as photo_pb
from soutu.search.v1 import search_service_pb2 as search_pb

from fuzz.calls import all_calls
from soutu_services.runtime.access import FULL_ACCESS
from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.imaging import Reading

PHOTO = f"{1:032x}"
SEARCH, LIST, ANNOTATE = search_pb.SearchPhotosRequest, photo_pb.ListPhotosRequest, photo_pb.AnnotatePhotosRequest


def answer(request: Any) -> Any:
    """Ask the servicers over a small library."""
    call = {kind.DESCRIPTOR.full_name: call for kind, call in all_calls()}[request.DESCRIPTOR.full_name]
    return call(request, SimpleNamespace(invocation_metadata=tuple, soutu_access=FULL_ACCESS))[0]


def texts(number: int, text: str = "雪") -> Any:
    return SEARCH(terms=[{"text": text}] * number)


def pictures(number: int) -> Any:
    return SEARCH(terms=[{"image": b"x"}] * number)


BEYOND = {
    "terms": (texts(33), "TOO_MANY_TERMS", "32"),
    "text": (texts(1, "雪" * 1001), "TEXT_TOO_LONG", "1000"),
    "pictures": (pictures(5), "TOO_MANY_PICTURES", "4"),
    "hits a page": (SEARCH(page_size=201), "PAGE_TOO_LARGE", "200"),
    "weight": (SEARCH(terms=[{"text": "雪", "weight": 1001}]), "BAD_WEIGHT", "1000"),
    "filter values": (SEARCH(filter={"tags": ["猫"] * 101}), "FILTER_TOO_LONG", "fewer"),
    "filter value": (LIST(filter={"folders": ["长" * 1001]}), "FILTER_TOO_LONG", "shorten"),
    "filter kinds": (LIST(filter={"kinds": [1] * 101}), "FILTER_TOO_LONG", "fewer"),
    "photos a page": (LIST(page_size=1001), "PAGE_TOO_LARGE", "1000"),
    "page token": (LIST(page_token="A" * 2001), "BAD_PAGE_TOKEN", "first page"),
    "jobs a page": (library_pb.ListJobsRequest(page_size=201), "PAGE_TOO_LARGE", "200"),
    "groups a page": (library_pb.ListNearDuplicatesRequest(page_size=201), "PAGE_TOO_LARGE", "200"),
    "ids": (photo_pb.BatchGetPhotosRequest(photo_ids=[PHOTO] * 1001), "TOO_MANY_PHOTOS", "1000"),
    "contents": (photo_pb.FindContentsRequest(contents=[{}] * 1001), "TOO_MANY_CONTENTS", "1000"),
    "tags": (ANNOTATE(photo_ids=[PHOTO], add_tags=["猫"] * 101), "TOO_MANY_LABELS", "100"),
    "tag": (ANNOTATE(photo_ids=[PHOTO], add_tags=["猫" * 101]), "", "100"),
    "album": (ANNOTATE(photo_ids=[PHOTO], add_albums=["冬" * 101]), "", "100"),
    "caption": (ANNOTATE(photo_ids=[PHOTO], caption="雪" * 2001), "", "2000"),
    "name": (photo_pb.UploadHeader(name="a" * 4000), "BAD_NAME", "shorten"),
}


@pytest.mark.parametrize("limit", BEYOND)
def test_beyond_a_limit(limit: str) -> None:
    request, reason, hint = BEYOND[limit]
    with pytest.raises(InvalidInput) as refused:
        answer(request)
    text = refused.value.text
    assert refused.value.reason == (reason or refused.value.reason)
    assert hint in text.en
    assert "\n" not in text.zh + text.en


def test_at_the_limits() -> None:
    assert len(answer(texts(32, "雪" * 1000)).hits) == 0
    assert len(answer(SEARCH(page_size=200, filter={"folders": ["长" * 1000] * 99 + ["旅行"]})).hits) == 1
    assert len(answer(photo_pb.BatchGetPhotosRequest(photo_ids=[PHOTO] * 1000)).photos) == 1


def test_no_picture_is_decoded_for_a_search_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []

    def read(_: object, data: bytes, *, urgent: bool) -> Reading:
        decoded.append(data)
        raise AssertionError

    monkeypatch.setattr("fuzz.calls._Decoders.read", read)
    for request in (
        pictures(5),
        SEARCH(terms=[{"image": b"x"}, {"text": "雪" * 1001}]),
        SEARCH(terms=[{"image": b"x"}], filter={"tags": ["猫"] * 101}),
        SEARCH(terms=[{"image": b"x"}], page_size=201),
    ):
        with pytest.raises(InvalidInput):
            answer(request)
    assert not decoded
