from __future__ import annotations

from typing import Any

import pytest

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog import AnnotationChange
from soutu_services.search.catalog.filters import taken_bounds
from soutu_services.search.model import BoundingBox, Filter, Location, PhotoKind
from soutu_services.search.visibility import EVERYTHING


@pytest.fixture
def shelf(library: Any) -> Any:
    """Photos that differ in everything a filter asks for; named by the key's first letter."""
    library.add("旅行/2019/a.jpg", "a", taken=library.taken("2019-05-01T12:30:15"), camera="Apple iPhone 12", phash=1)
    library.add("旅行/b.heic", "b", taken=library.taken("2019-12-31T23:59:59"), media_type="image/heic", camera="HUAWEI P40")
    library.add("旅行2/c.gif", "c", taken=library.taken("2020-01-01T00:00:00"), media_type="image/gif", kind=PhotoKind.ANIMATION)
    library.add("d.png", "d", source="nas", media_type="image/png", location=Location(-17.7, 178.0))
    library.add("e.jpg", "e", location=Location(-17.0, -179.5), camera="100%_Cam")
    ids = {name: library.photo_id(name) for name in "abcde"}
    library.catalog.annotations.annotate([ids["a"], ids["b"]], AnnotationChange(add_tags=("海",), add_albums=("夏天",)))
    library.catalog.annotations.annotate([ids["b"]], AnnotationChange(add_tags=("日落",), favourite=True))
    library.catalog.annotations.annotate([ids["c"]], AnnotationChange(add_albums=("冬天",), favourite=False))
    return library


CASES = [
    (Filter(), "abcde"),
    (Filter(taken_from="2019", taken_until="2019"), "ab"),
    (Filter(taken_from="2019-05", taken_until="2019-05"), "a"),
    (Filter(taken_from="2019-12-31"), "bc"),
    (Filter(taken_until="2019-05-01"), "a"),
    (Filter(taken_until="2019-05-01T12:30"), "a"),
    (Filter(taken_until="2019-05-01T12:29"), ""),
    (Filter(taken_from="2019-05-01 12:30:16"), "bc"),
    (Filter(folders=("旅行",)), "ab"),
    (Filter(folders=("旅行/",)), "ab"),
    (Filter(folders=("/旅行/2019/",)), "a"),
    (Filter(folders=("旅行", "旅行2")), "abc"),
    (Filter(folders=("旅",)), ""),
    (Filter(folders=("旅行/2019/a.jpg",)), ""),
    (Filter(folders=("",)), "abcde"),
    (Filter(folders=("%", "_")), ""),
    (Filter(sources=("nas",)), "d"),
    (Filter(sources=("nas", "photos")), "abcde"),
    (Filter(sources=("nas",), folders=("旅行",)), ""),
    (Filter(cameras=("iphone",)), "a"),
    (Filter(cameras=("HUAWEI", "apple")), "ab"),
    (Filter(cameras=("0%_c",)), "e"),
    (Filter(cameras=("%",)), "e"),
    (Filter(area=BoundingBox(south=-20, west=170, north=-10, east=-170)), "de"),
    (Filter(area=BoundingBox(south=-20, west=170, north=-10, east=180)), "d"),
    (Filter(area=BoundingBox(south=0, west=-180, north=90, east=180)), ""),
    (Filter(formats=("heic",)), "b"),
    (Filter(formats=(".JPG", "image/gif")), "ace"),
    (Filter(kinds=(PhotoKind.ANIMATION,)), "c"),
    (Filter(tags=("海",)), "ab"),
    (Filter(tags=("海", "日落")), "b"),
    (Filter(tags=("没有",)), ""),
    (Filter(favourite=True), "b"),
    (Filter(favourite=False), "acde"),
    (Filter(albums=("夏天", "冬天")), "abc"),
    (Filter(folders=("旅行",), favourite=False, taken_from="2019"), "a"),
    (Filter(tags=("' OR 1=1 --",)), ""),
]


def test_each_filter_lets_through_what_it_says(shelf: Any) -> None:
    names = {shelf.photo_id(name): name for name in "abcde"}
    for photo_filter, expected in CASES:
        page = shelf.catalog.photos.list_page(photo_filter, EVERYTHING)
        assert "".join(sorted(names[photo.photo_id] for photo in page.photos)) == expected, photo_filter
        assert page.total == len(expected)
        ids = shelf.catalog.embeddings.ids_matching("5" * 32, photo_filter, EVERYTHING)
        assert len(ids) == len(expected), photo_filter
        assert len(set(shelf.catalog.embeddings.photos_of(ids).values())) == len(expected), photo_filter


def test_a_name_from_before_a_move_does_not_keep_a_photo_in_its_folder(shelf: Any) -> None:
    shelf.catalog.objects.mark_gone("photos", ["旅行2/c.gif"])
    shelf.add("归档/c.gif", "c")
    assert shelf.catalog.photos.list_page(Filter(folders=("旅行2",)), EVERYTHING).total == 0
    assert shelf.catalog.photos.list_page(Filter(folders=("归档",)), EVERYTHING).total == 1


def test_deleted_photos_are_found_by_the_places_they_were_in(shelf: Any) -> None:
    deleted = {shelf.photo_id(name) for name in "bd"}
    shelf.catalog.photos.delete(list(deleted))
    shelf.catalog.objects.mark_gone("photos", ["旅行/b.heic"])  # as after the move to the recycle bucket
    for photo_filter, expected in (
        (Filter(folders=("旅行",)), "b"),
        (Filter(folders=("旅行2",)), ""),
        (Filter(folders=("",)), "bd"),
        (Filter(sources=("photos",)), "b"),
        (Filter(sources=("nas",)), "d"),
        (Filter(sources=("nas",), folders=("旅行",)), ""),
    ):
        page = shelf.catalog.photos.list_page(photo_filter, EVERYTHING, deleted=True)
        assert {photo.photo_id for photo in page.photos} == {shelf.photo_id(name) for name in expected}, photo_filter


def test_partial_dates_span_all_they_name() -> None:
    assert taken_bounds("2020", "2020-02") == ("2020-01-01T00:00:00", "2020-02-29T23:59:59")
    assert taken_bounds("2020-02-03T04", "2020-02-03T04:05") == ("2020-02-03T04:00:00", "2020-02-03T04:05:59")
    assert taken_bounds("", "2020-12-31T23:59:58") == ("", "2020-12-31T23:59:58")


@pytest.mark.parametrize(
    "text",
    [
        "19",
        "2019-13",
        "2019-02-30",
        "2019-5-1",
        "yesterday",
        "2019-05-01T25:00",
        "2019-05-01Z",
        "0000",
        "２０１９",
        "2019-05-01T12:30:00+08:00",
    ],
)
def test_refuses_what_is_no_date(text: str) -> None:
    with pytest.raises(InvalidInput):
        taken_bounds(text, "")
    with pytest.raises(InvalidInput):
        taken_bounds("", text)


def test_refuses_dates_and_areas_that_leave_nothing(library: Any) -> None:
    for impossible in (
        Filter(taken_from="2020", taken_until="2019"),
        Filter(area=BoundingBox(south=10, west=0, north=0, east=0)),
        Filter(area=BoundingBox(south=float("nan"), west=0, north=0, east=0)),
        Filter(area=BoundingBox(south=0, west=-181, north=0, east=0)),
        Filter(tags=tuple(str(number) for number in range(101))),
    ):
        with pytest.raises(InvalidInput):
            library.catalog.photos.list_page(impossible, EVERYTHING)
