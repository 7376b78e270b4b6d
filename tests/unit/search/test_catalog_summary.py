"""What there is to choose from among photos."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Any

import pytest

from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog import AnnotationChange, FolderCount, PhotoSummary, ValueCount
from soutu_services.search.catalog import summary as summary_module
from soutu_services.search.model import Filter, Taken, TakenOrigin, UnreadableReason
from soutu_services.search.visibility import EVERYTHING, Visibility

GUEST = Visibility((FolderAccess("photos", "客人/里"),))


def summed(library: Any, photo_filter: Filter | None = None, visibility: Visibility = EVERYTHING) -> PhotoSummary:
    summary = library.catalog.summary(photo_filter or Filter(), visibility)
    assert isinstance(summary, PhotoSummary)
    return summary


def folders(summary: PhotoSummary) -> dict[tuple[str, str], int]:
    return {(count.source, count.folder): count.photos for count in summary.folders}


def counted(counts: tuple[ValueCount, ...]) -> list[tuple[str, int]]:
    return [(count.value, count.photos) for count in counts]


def test_an_empty_library_offers_nothing(library: Any) -> None:
    summary = summed(library)
    assert not any(getattr(summary, field.name) for field in fields(summary))


def test_months_are_told_over_years_the_newest_first(library: Any) -> None:
    for name, text in (
        ("a", "2018-12-31T23:59:59"),
        ("b", "2019-01-01T00:00:00"),
        ("c", "2019-01-31T12:00:00"),
        ("d", "2020-05-01"),
    ):
        library.add(f"{name}.jpg", taken=library.taken(text))
    library.add("undated.jpg")
    summary = summed(library)
    assert counted(summary.months) == [("2020-05", 1), ("2019-01", 2), ("2018-12", 1)]
    assert (summary.undated, summary.total) == (1, 5)


def test_folders_count_what_lies_below_them_too(library: Any) -> None:
    for key in ("旅行/2019/海/a.jpg", "旅行/2019/海/b.jpg", "旅行/c.jpg", "旅行2/d.jpg", "e.jpg"):
        library.add(key)
    library.add("旅行/f.jpg", source="nas")
    assert summed(library).folders == (
        FolderCount("nas", "", 1),
        FolderCount("nas", "旅行", 1),
        FolderCount("photos", "", 5),
        FolderCount("photos", "旅行", 3),
        FolderCount("photos", "旅行/2019", 2),
        FolderCount("photos", "旅行/2019/海", 2),
        FolderCount("photos", "旅行2", 1),
    )


def test_a_photo_with_several_names_counts_once_in_each_folder_and_once_above(library: Any) -> None:
    for key in ("家/甲/a.jpg", "家/乙/a.jpg", "家/乙/再一次.jpg", "家/乙/深/a.jpg", "别处/a.jpg", "家!/a.jpg"):
        library.add(key, "same")
    library.add("家/甲/a.jpg", "same", source="nas")
    library.add("家/乙/b.jpg", "other")
    assert folders(summed(library)) == {
        ("nas", ""): 1,
        ("nas", "家"): 1,
        ("nas", "家/甲"): 1,
        ("photos", ""): 2,
        ("photos", "别处"): 1,
        ("photos", "家"): 2,
        ("photos", "家!"): 1,
        ("photos", "家/乙"): 2,
        ("photos", "家/乙/深"): 1,
        ("photos", "家/甲"): 1,
    }


def test_each_folder_holds_as_many_as_a_filter_by_it_finds(library: Any) -> None:
    places = ["", "a/", "a/b/", "a/b/c/", "a/d/", "ab/", "a.b/", "Cafe\u0301/x/", "a//e/", "/f/"]
    for number in range(40):
        for place in {places[number % 10], places[number * 3 % 10], places[number // 10]}:
            library.add(f"{place}{number}.jpg", str(number))
    known = library.add("a/known.jpg", "known")
    library.catalog.ingest.add_names("photos", [(known, "told/k.jpg"), (known, "a/b/k.jpg"), (known, "a/known.jpg")])
    within = Visibility((FolderAccess("photos", "a"), FolderAccess("", "told")))
    for visibility, expected in ((EVERYTHING, 10), (within, 6)):
        summary = summed(library, visibility=visibility)
        assert len(summary.folders) == expected, "none with an empty part"
        for count in summary.folders:
            chosen = Filter(folders=(count.folder,), sources=(count.source,))
            assert library.catalog.photos.list_page(chosen, visibility).total == count.photos, count


def test_past_names_deleted_photos_and_gone_ones_are_in_no_folder_and_told_names_are(library: Any) -> None:
    moved, gone = library.add("旧/a.jpg", "a"), library.add("走/b.jpg", "b")
    deleted = library.add("删/c.jpg", "c", camera="Lumix")
    library.catalog.objects.mark_gone("photos", ["旧/a.jpg", "走/b.jpg"])
    library.add("新/a.jpg", "a")
    library.catalog.ingest.add_names("photos", [(moved, "化名/a.jpg")])
    library.catalog.photos.delete([deleted])
    library.catalog.annotations.annotate([gone, deleted], AnnotationChange(favourite=True, add_tags=("海",), add_albums=("夏",)))
    summary = summed(library)
    assert folders(summary) == {("photos", ""): 1, ("photos", "化名"): 1, ("photos", "新"): 1}
    assert (summary.total, summary.favourites, summary.cameras, summary.tags, summary.albums) == (1, 0, (), (), ())


def test_values_are_told_with_most_photos_first(library: Any) -> None:
    a = library.add("a.jpg", camera="Lumix")
    b = library.add("b.heic", camera="Apple iPhone 12", media_type="image/heic")
    c = library.add("c.heic", camera="Apple iPhone 12", media_type="image/heic")
    library.add("d.heic", media_type="image/heic", embedded=False)
    library.add("broken.jpg", unreadable=UnreadableReason.BROKEN)
    library.catalog.annotations.annotate([a, b, c], AnnotationChange(add_tags=("海",), add_albums=("夏天",)))
    library.catalog.annotations.annotate([b], AnnotationChange(add_tags=("日落",), favourite=True))
    library.catalog.annotations.annotate([c], AnnotationChange(favourite=False))
    summary = summed(library)
    assert counted(summary.cameras) == [("Apple iPhone 12", 2), ("Lumix", 1)]
    assert counted(summary.formats) == [("image/heic", 3), ("image/jpeg", 1)], "a photo that was not read has none"
    assert counted(summary.tags) == [("海", 3), ("日落", 1)]
    assert counted(summary.albums) == [("夏天", 3)]
    assert (summary.favourites, summary.total) == (1, 5), "photos in any state"


def test_a_filter_holds_for_all_that_is_told(library: Any) -> None:
    a = library.add("旅行/a.jpg", "a", taken=library.taken("2019-05-01T12:00:00"), camera="Lumix")
    library.add("备份/a.jpg", "a")
    b = library.add("家/b.jpg", "b", taken=library.taken("2020-05-01T12:00:00"), camera="Leica")
    library.catalog.annotations.annotate([a], AnnotationChange(add_tags=("海",), favourite=True))
    library.catalog.annotations.annotate([b], AnnotationChange(add_tags=("山",), add_albums=("冬",)))
    for chosen in (Filter(taken_until="2019"), Filter(tags=("海",)), Filter(folders=("旅行",)), Filter(cameras=("lumix",))):
        summary = summed(library, chosen)
        assert counted(summary.months) == [("2019-05", 1)], chosen
        assert folders(summary) == {("photos", ""): 1, ("photos", "备份"): 1, ("photos", "旅行"): 1}, chosen
        assert (counted(summary.cameras), counted(summary.tags), summary.albums) == ([("Lumix", 1)], [("海", 1)], ()), chosen
        assert (summary.total, summary.favourites) == (1, 1), chosen
    with pytest.raises(InvalidInput):
        summed(library, Filter(taken_from="yesterday"))


def test_what_is_left_out_has_fewest_photos_and_is_counted(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_module, "_MOST_FOLDERS", 3)
    monkeypatch.setattr(summary_module, "_MOST_CAMERAS", 1)
    monkeypatch.setattr(summary_module, "_MOST_LABELS", 1)
    for key in ("z/1.jpg", "z/2.jpg", "a/3.jpg", "b/4.jpg"):
        photo_id = library.add(key, camera=f"of {key[0]}")
        library.catalog.annotations.annotate([photo_id], AnnotationChange(add_tags=(key[0],), add_albums=(key[0],)))
    summary = summed(library)
    assert [count.folder for count in summary.folders] == ["", "a", "z"]
    assert summary.folders_left_out == 1
    assert counted(summary.cameras) == [("of z", 2)]
    assert counted(summary.tags) == counted(summary.albums) == [("z", 2)]


def test_a_summary_is_made_once_until_anything_changes(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Filter] = []
    make = summary_module.summarize_photos

    def noted(database: Any, photo_filter: Filter, visibility: Visibility) -> PhotoSummary:
        made.append(photo_filter)
        return make(database, photo_filter, visibility)

    monkeypatch.setattr(summary_module, "summarize_photos", noted)
    a = library.add("客人/里/a.jpg")
    for _ in range(3):
        assert summed(library).total == 1
        assert summed(library, Filter(tags=("海",))).total == 0
        assert summed(library, visibility=GUEST).total == 1
        library.catalog.annotations.annotate([a], AnnotationChange())
    assert len(made) == 3
    library.catalog.annotations.annotate([a], AnnotationChange(add_tags=("海",)))
    assert summed(library, Filter(tags=("海",))).total == 1
    library.catalog.photos.delete([a])
    assert (summed(library).total, summed(library, visibility=GUEST).total) == (0, 0)
    for number in range(40):
        summed(library, Filter(tags=(str(number),)))
    assert len(library.catalog._summaries._kept._made) == 16


def test_a_summary_that_is_made_during_a_change_does_not_outlive_it(library: Any) -> None:
    a = library.add("a.jpg")
    told: list[int] = []
    with library.catalog._database.write() as writer:
        writer.execute("UPDATE photos SET deleted_at = 1 WHERE photo_id = ?", (a,))
        reading = threading.Thread(target=lambda: told.append(summed(library).total))
        reading.start()
        reading.join()
    assert (told, summed(library).total) == ([1], 0)


def test_a_guest_is_told_of_what_lies_inside_alone(library: Any) -> None:
    inside = library.add("客人/里/湖/a.jpg", "a", taken=library.taken("2019-05-01T12:00:00"), camera="Lumix")
    library.add("密室/绝密/a.jpg", "a")
    library.add("客人/a.jpg", "a")
    outside = library.add("密室/b.jpg", "b", taken=library.taken("2020-01-01T12:00:00"), camera="Hidden", media_type="image/png")
    library.add("客人/里/c.jpg", "c", source="nas")
    for photo_id, tag in ((inside, "水"), (outside, "暗")):
        library.catalog.annotations.annotate([photo_id], AnnotationChange(add_tags=(tag,), add_albums=(tag,), favourite=True))
    assert summed(library, visibility=GUEST) == PhotoSummary(
        total=1,
        favourites=1,
        months=(ValueCount("2019-05", 1),),
        undated=0,
        folders=tuple(FolderCount("photos", folder, 1) for folder in ("", "客人", "客人/里", "客人/里/湖")),
        folders_left_out=0,
        cameras=(ValueCount("Lumix", 1),),
        formats=(ValueCount("image/jpeg", 1),),
        tags=(ValueCount("水", 1),),
        albums=(ValueCount("水", 1),),
    )
    assert summed(library, Filter(folders=("密室",)), GUEST).total == 0
    assert summed(library, visibility=Visibility(())).total == 0


def test_a_guest_is_told_months_by_the_names_inside(library: Any) -> None:
    by_name = Taken(library.taken("2011-11-11T00:00:00").local_time, None, TakenOrigin.NAME)
    library.add("密室/2011-11-11 密会.jpg", "a", taken=by_name)
    library.add("客人/里/2020-01-02 元旦后.jpg", "a")
    assert counted(summed(library).months) == [("2011-11", 1)]
    assert counted(summed(library, visibility=GUEST).months) == [("2020-01", 1)]
