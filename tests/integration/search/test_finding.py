"""Photos go in, and are found: by look, by words, by filters, page by page."""

from __future__ import annotations

from datetime import datetime

import pytest

from patience import eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import Filter, ImageTerm, InvalidInputError, MatchField, NotFoundError, PhotoState, PhotoTerm, TextTerm


def test_uploaded_photo_becomes_ready_and_is_found_by_text_picture_and_id(house: SearchHouse) -> None:
    red, other_red, blue = (house.upload(f"{name}.png", data) for name, data in _three().items())
    house.settled()
    assert house.photo(red).state is PhotoState.READY
    assert set(house.found("红色的东西")[:2]) == {red, other_red}
    assert house.found("蓝")[0] == blue
    similar = house.client.similar(picture("蓝", 77))
    assert similar.hits[0].photo.photo_id == blue
    by_id = [hit.photo.photo_id for hit in house.client.similar(red[:8]).hits]
    assert by_id[0] == other_red
    assert red not in by_id


def test_negative_terms_push_photos_down(house: SearchHouse) -> None:
    red, _, blue = (house.upload(f"{name}.png", data) for name, data in _three().items())
    house.settled()
    hits = house.client.search([PhotoTerm(red), TextTerm("红", -2.0), ImageTerm(picture("蓝", 5), 2.0)]).hits
    assert hits[0].photo.photo_id == blue


def test_min_score_leaves_out_what_looks_different(house: SearchHouse) -> None:
    red, other_red, _ = (house.upload(f"{name}.png", data) for name, data in _three().items())
    house.settled()
    assert set(house.found("红", min_score=0.8)) == {red, other_red}


@pytest.mark.parametrize("query", ["奶奶", "去年给奶奶过的那个生日", "奶奶生日.jpg"])
def test_name_is_found_by_a_word_and_by_a_sentence_that_contains_it(house: SearchHouse, query: str) -> None:
    for number in range(3):
        house.upload(f"DSC0{number}.png", picture("绿", number))
    birthday = house.upload("家/奶奶生日.jpg", picture("红", 9))
    house.settled()
    hits = house.client.search(query).hits
    assert hits[0].photo.photo_id == birthday
    assert any(match.field is MatchField.NAME and "奶奶生日.jpg" in match.text for match in hits[0].matches)


def test_filters_decide_what_is_considered(house: SearchHouse) -> None:
    spring = house.upload("旅行/IMG_20190501_123000.png", picture("红", 1))
    autumn = house.upload("旅行/IMG_20191101_080000.png", picture("红", 2))
    home = house.upload("家/IMG_20200101_000000.png", picture("红", 3))
    house.settled()
    house.client.annotate([home], add_tags=["猫"], favourite=True)
    assert house.photo(spring).taken is not None
    assert house.photo(spring).taken.local_time == datetime(2019, 5, 1, 12, 30)  # type: ignore[union-attr]
    assert set(house.found("红", filter=Filter(taken_from="2019", taken_until="2019"))) == {spring, autumn}
    assert house.found("红", filter=Filter(taken_until="2019-06")) == [spring]
    assert set(house.found("红", filter=Filter(folders=("旅行",)))) == {spring, autumn}
    assert house.found("红", filter=Filter(tags=("猫",), favourite=True)) == [home]
    assert house.found("红", filter=Filter(formats=("jpeg",))) == []
    assert house.found("红", filter=Filter(sources=("photos",), folders=("家",))) == [home]
    assert [hit.photo.photo_id for hit in house.client.search(filter=Filter(folders=("旅行",))).hits] == [autumn, spring]


def test_pages_hold_every_photo_once(house: SearchHouse) -> None:
    photos = {house.upload(f"{number}.png", picture("红", number)) for number in range(7)}
    house.settled()
    seen: list[str] = []
    token = ""
    while True:
        page = house.client.search("红", page_size=3, page_token=token)
        seen += [hit.photo.photo_id for hit in page.hits]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == 7
    assert set(seen) == photos
    with pytest.raises(InvalidInputError):
        house.client.search("蓝", page_size=3, page_token=house.client.search("红", page_size=3).next_page_token)


def test_query_with_a_broken_picture_says_so(house: SearchHouse) -> None:
    with pytest.raises(InvalidInputError, match="not a picture"):
        house.client.similar(b"this is no picture at all")


def test_annotations_are_found_and_survive_a_restart(house: SearchHouse) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.client.annotate([photo], caption="外婆的院子", add_albums=["老家"])
    house.restart()
    assert house.photo(photo).annotations.caption == "外婆的院子"
    assert house.found("院子")[0] == photo
    eventually(lambda: house.client.status().embedder.available)
    assert house.found("红")[0] == photo


def test_near_duplicates_are_grouped(house: SearchHouse) -> None:
    small = house.upload("small.png", picture("红", 1, size=(64, 48)))
    large = house.upload("large.png", picture("红", 1, size=(64, 48)) + b"\0")  # the same picture, another content
    house.upload("other.png", picture("蓝", 2, size=(64, 48)))
    house.settled()
    groups = house.client.near_duplicates().groups
    assert [{photo.photo_id for photo in group.photos} for group in groups] == [{small, large}]


def test_get_tells_what_is_wrong_with_an_id(house: SearchHouse) -> None:
    with pytest.raises(NotFoundError):
        house.client.photo("0" * 32)
    with pytest.raises(InvalidInputError, match="6 to 32"):
        house.client.photo("12")


def test_embeddings_go_out_and_come_back(house: SearchHouse) -> None:
    red, _, blue = (house.upload(f"{name}.png", data) for name, data in _three().items())
    house.settled()
    batches = list(house.client.export_embeddings())
    vectors = {item.photo_id: item for batch in batches for item in batch.embeddings}
    assert len(vectors) == 3
    swapped = [type(vectors[red])(red, vectors[blue].vector), type(vectors[red])("f" * 32, vectors[blue].vector)]
    result = house.client.import_embeddings(swapped, space_id=batches[0].space_id)
    assert (result.stored, result.unknown) == (1, 1)
    assert set(house.found("蓝")[:2]) == {red, blue}


def _three() -> dict[str, bytes]:
    three = {"one": picture("红", 1), "two": picture("红", 2), "three": picture("蓝", 3)}
    assert len({photo_id_of(data) for data in three.values()}) == 3
    return three
