"""Taken times of several voices, and what other programs knew of photos."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog import AnnotationChange, Catalog, Told
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS
from soutu_services.search.model import Filter, Location, Photo, Taken, TakenOrigin
from soutu_services.search.visibility import EVERYTHING, Visibility

NAMED = Taken(datetime(2024, 5, 1), None, TakenOrigin.NAME)
EXIF = Taken(datetime(2018, 3, 3, 9), 480, TakenOrigin.EXIF)
GUEST = Visibility((FolderAccess("photos", "a"),))


def seen(library: Any, photo_id: str, visibility: Visibility = EVERYTHING) -> Photo:
    return library.catalog.photos.get(photo_id, visibility)


def taken(library: Any, photo_id: str) -> tuple[str, TakenOrigin]:
    found = seen(library, photo_id).taken
    assert found is not None
    return found.local_time.isoformat(), found.origin


def tell(library: Any, photo_id: str, **facts: Any) -> list[str]:
    return library.catalog.telling.tell([Told(photo_id, **facts)])


def correct(library: Any, photo_id: str, local_time: str) -> None:
    library.catalog.annotations.annotate([photo_id], AnnotationChange(taken_local_time=local_time))


def years(library: Any, year: str) -> list[str]:
    page = library.catalog.photos.list_page(Filter(taken_from=year, taken_until=year), EVERYTHING, limit=10)
    return [photo.photo_id for photo in page.photos]


def test_a_told_time_goes_before_the_name_and_behind_the_camera(library: Any) -> None:
    named, shot = library.add("a.jpg", taken=NAMED), library.add("b.jpg", taken=EXIF)
    for photo_id in (named, shot):
        tell(library, photo_id, taken_local_time="2019-05-01T12:30:00")
    assert taken(library, named) == ("2019-05-01T12:30:00", TakenOrigin.TOLD)
    assert taken(library, shot) == ("2018-03-03T09:00:00", TakenOrigin.EXIF)
    assert years(library, "2019") == [named]
    assert [value.value for value in library.catalog.summary(Filter(), EVERYTHING).months] == ["2019-05", "2018-03"]


@pytest.mark.parametrize(("reading", "expected"), [(NAMED, TakenOrigin.TOLD), (EXIF, TakenOrigin.EXIF)])
def test_what_is_told_before_the_picture_is_read_counts_the_same(library: Any, reading: Taken, expected: TakenOrigin) -> None:
    library.catalog.objects.put(
        "photos", "a.jpg", etag="x", size_bytes=5, modified_at=datetime.now().astimezone(), sha256=library.sha256("a.jpg")
    )
    photo_id = library.photo_id("a.jpg")
    tell(library, photo_id, taken_local_time="2019-05-01", location=Location(30.0, 120.0))
    assert taken(library, photo_id) == ("2019-05-01T00:00:00", TakenOrigin.TOLD)
    library.read("a.jpg", "a.jpg", taken=reading)
    assert taken(library, photo_id)[1] is expected
    assert seen(library, photo_id).location == Location(30.0, 120.0)


def test_a_place_in_the_picture_goes_before_a_told_one(library: Any) -> None:
    here, there = Location(31.0, 121.0), Location(30.0, 120.0)
    photo_id = library.add("a.jpg", location=here)
    tell(library, photo_id, location=there)
    assert seen(library, photo_id).location == here


def test_a_person_s_word_goes_before_all_and_can_be_taken_back(library: Any) -> None:
    photo_id = library.add("b.jpg", taken=EXIF)
    correct(library, photo_id, "1988-10-01")
    assert taken(library, photo_id) == ("1988-10-01T00:00:00", TakenOrigin.PERSON)
    assert seen(library, photo_id).taken.utc_offset_minutes is None
    assert years(library, "1988") == [photo_id]
    tell(library, photo_id, taken_local_time="1990-01-01", taken_corrected=True)
    assert taken(library, photo_id)[0] == "1988-10-01T00:00:00"
    correct(library, photo_id, "")
    assert taken(library, photo_id) == ("2018-03-03T09:00:00", TakenOrigin.EXIF)
    assert seen(library, photo_id).taken.utc_offset_minutes == 480
    assert years(library, "2018") == [photo_id]


def test_a_time_that_was_corrected_elsewhere_goes_before_the_camera(library: Any) -> None:
    photo_id = library.add("b.jpg", taken=EXIF)
    tell(library, photo_id, taken_local_time="1990-01-01T10:00", taken_corrected=True)
    assert taken(library, photo_id) == ("1990-01-01T10:00:00", TakenOrigin.PERSON)


def test_a_photo_without_any_time_is_listed_by_when_it_was_added_again(library: Any) -> None:
    photo_id, other = library.add("a.jpg"), library.add("b.jpg", taken=EXIF)
    correct(library, photo_id, "1988-10-01")
    listed = [photo.photo_id for photo in library.catalog.photos.list_page(Filter(), EVERYTHING, limit=5).photos]
    assert listed == [other, photo_id]
    correct(library, photo_id, "")
    listed = [photo.photo_id for photo in library.catalog.photos.list_page(Filter(), EVERYTHING, limit=5).photos]
    assert listed == [photo_id, other]
    assert seen(library, photo_id).taken is None


def test_guests_see_a_told_time(library: Any) -> None:
    photo_id = library.add("a/1.jpg", taken=NAMED)
    tell(library, photo_id, taken_local_time="2019-05-01T12:30:00")
    found = seen(library, photo_id, GUEST).taken
    assert found == Taken(datetime(2019, 5, 1, 12, 30), None, TakenOrigin.TOLD)
    page = library.catalog.photos.list_page(Filter(taken_from="2019", taken_until="2019"), GUEST, limit=5)
    assert page.total == 1


def test_what_is_told_is_found_by_words(library: Any) -> None:
    photo_id = library.add("a.jpg")
    told = {"caption": "外婆的生日蛋糕", "tags": ("小明",), "albums": ("云南之行",), "favourite": True}
    assert tell(library, photo_id, **told) == [photo_id]
    annotations = seen(library, photo_id).annotations
    assert (annotations.caption, annotations.tags, annotations.albums, annotations.favourite) == (
        "外婆的生日蛋糕",
        ("小明",),
        ("云南之行",),
        True,
    )
    for words in ("外婆", "小明", "云南"):
        assert [hit.photo_id for hit in library.catalog.words.search(words, Filter(), EVERYTHING, limit=5)] == [photo_id]


def test_what_people_changed_since_stays_when_the_same_is_told_again(library: Any) -> None:
    photo_id = library.add("a.jpg", taken=NAMED)
    told = {"caption": "蛋糕", "tags": ("小明",), "albums": ("云南",), "favourite": True, "taken_local_time": "2019-05-01"}
    tell(library, photo_id, **told)
    change = AnnotationChange(favourite=False, caption="", remove_tags=("小明",), remove_albums=("云南",))
    library.catalog.annotations.annotate([photo_id], change)
    before = seen(library, photo_id)
    assert tell(library, photo_id, **told) == []
    assert seen(library, photo_id) == before
    assert tell(library, photo_id, **{**told, "albums": ("云南", "大理")}) == [photo_id]
    after = seen(library, photo_id).annotations
    assert (after.albums, after.tags, after.favourite, after.caption) == (("大理",), (), False, "")


def test_a_caption_that_is_there_stays(library: Any) -> None:
    photo_id = library.add("a.jpg")
    library.catalog.annotations.annotate([photo_id], AnnotationChange(caption="我写的"))
    tell(library, photo_id, caption="别处写的")
    assert seen(library, photo_id).annotations.caption == "我写的"


def test_unknown_photos_are_passed_over_and_bad_facts_change_nothing(library: Any) -> None:
    photo_id = library.add("a.jpg")
    assert library.catalog.telling.tell([Told("0" * 32, caption="x"), Told(photo_id)]) == []
    for bad in (
        {"taken_local_time": "gestern"},
        {"taken_local_time": "2019-02-30"},
        {"tags": ("x" * 101,)},
        {"location": Location(91.0, 0.0)},
        {"location": Location(float("nan"), 0.0)},
        {"caption": "x" * 2001},
    ):
        with pytest.raises(InvalidInput):
            library.catalog.telling.tell([Told(photo_id, favourite=True), Told(photo_id, **bad)])
    assert not seen(library, photo_id).annotations.favourite


def test_an_older_catalog_keeps_its_times(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as old:
        for step in MIGRATIONS[:8]:
            old.executescript(step)
        old.execute(
            "INSERT INTO photos (photo_id, added_at, pending_since, sort_at, size_bytes, present, read_at, "
            "taken_local, taken_origin, taken_offset_minutes) VALUES (?, 1, 1, ?, 1, 1, 1, ?, 'EXIF', 60)",
            ("a" * 32, *2 * ("2018-03-03T09:00:00",)),
        )
        old.execute("PRAGMA user_version = 8")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.close()
    with Catalog.open(path) as catalog:
        for local_time in ("1988-01-01", ""):
            catalog.annotations.annotate(["a" * 32], AnnotationChange(taken_local_time=local_time))
        assert catalog.photos.get("a" * 32, EVERYTHING).taken == Taken(datetime(2018, 3, 3, 9), 60, TakenOrigin.EXIF)
