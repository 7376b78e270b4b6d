from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

from soutu_services.search.catalog import Ingested, RecordedOutcome, SeenResult
from soutu_services.search.model import Filter, PhotoState, UnreadableReason
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32


def test_a_listing_seen_again_changes_nothing(library: Any) -> None:
    seen = [library.seen("一/a.jpg", "a"), library.seen("b.jpg", "b"), library.seen("notes.txt", "n", ignored=True)]
    assert library.catalog.objects.record_seen("photos", seen) == SeenResult(new=2, ignored=1)
    assert library.catalog.objects.record_seen("photos", seen) == SeenResult(unchanged=2, ignored=1)
    assert [one.key for one in library.catalog.objects.next_unread(10)] == ["一/a.jpg", "b.jpg"]


def test_unread_objects_are_paged_and_chosen_by_source(library: Any) -> None:
    objects = library.catalog.objects
    objects.record_seen("photos", [library.seen(f"{number}.jpg", str(number)) for number in range(5)])
    objects.record_seen("nas", [library.seen("5.jpg", "5")])
    first = objects.next_unread(4)
    rest = objects.next_unread(4, after_id=first[-1].object_id)
    assert [one.key for one in first + rest] == [f"{number}.jpg" for number in range(6)]
    assert [one.key for one in objects.next_unread(9, sources=["nas"])] == ["5.jpg"]
    assert objects.next_unread(9, sources=[]) == []


def test_work_that_was_not_done_is_there_after_a_restart(library: Any) -> None:
    library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "a")])
    library.reopen()
    assert library.read("a.jpg", "a").outcome is RecordedOutcome.STORED
    library.reopen()
    assert library.catalog.objects.next_unread(10) == []
    assert library.catalog.photos.get(library.photo_id("a"), EVERYTHING).state is PhotoState.READY


def test_without_entity_tags_the_modification_time_decides(library: Any) -> None:
    objects = library.catalog.objects
    first = library.seen("a.jpg", "a", etag="")
    objects.record_seen("photos", [first])
    whole_second = replace(first, modified_at=first.modified_at.replace(microsecond=0))
    assert objects.record_seen("photos", [first]).unchanged == 1
    assert objects.record_seen("photos", [whole_second]).unchanged == 1
    assert objects.record_seen("photos", [replace(first, modified_at=first.modified_at + timedelta(milliseconds=5))]).changed == 1
    assert objects.record_seen(
        "photos", [replace(first, etag='"x"', modified_at=first.modified_at + timedelta(seconds=9))]
    ).changed


def test_another_file_of_the_same_size_is_noticed_before_any_listing(library: Any) -> None:
    objects = library.catalog.objects
    ours = library.seen("a.jpg", "a", etag="ours")
    sha256 = "a" * 64
    objects.put("photos", "a.jpg", etag="ours", size_bytes=ours.size_bytes, modified_at=ours.modified_at, sha256=sha256)
    assert objects.record_seen("photos", [ours]).unchanged == 1
    assert objects.record_seen("photos", [replace(ours, etag="theirs")]).changed == 1


def test_a_rename_costs_no_embedding_and_keeps_the_old_name_searchable(library: Any) -> None:
    photo_id = library.add("奶奶生日.jpg", "same")
    library.catalog.objects.mark_gone("photos", ["奶奶生日.jpg"])
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).total == 0
    assert library.catalog.embeddings.pending(SPACE, 10) == []
    library.catalog.objects.record_seen("photos", [library.seen("2019/IMG_1.jpg", "same")])
    state = library.catalog.objects.find_contents([library.sha256("same")])[library.sha256("same")]
    assert (state.photo_id, state.read, state.present) == (photo_id, True, False)

    moved = Ingested(library.unread("2019/IMG_1.jpg"), library.sha256("same"))
    assert library.catalog.ingest.record([moved])[0].photo_id == photo_id

    photo = library.catalog.photos.get(photo_id, EVERYTHING)
    assert photo.state is PhotoState.READY
    assert [(name.name, name.present) for name in photo.names] == [("2019/IMG_1.jpg", True), ("奶奶生日.jpg", False)]
    assert [hit.photo_id for hit in library.catalog.words.search("奶奶", Filter(), EVERYTHING)] == [photo_id]
    assert library.catalog.embeddings.spaces()[0].photos == 1


def test_two_objects_of_one_content_are_one_photo_even_when_recorded_at_the_same_time(library: Any) -> None:
    keys = [f"copy {number}.jpg" for number in range(8)]
    library.catalog.objects.record_seen("photos", [library.seen(key, "same") for key in keys])
    threads = [threading.Thread(target=library.read, args=(key, "same")) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = library.catalog.counts()
    assert (counts.photos, counts.ready, counts.objects) == (1, 1, 8)
    assert library.catalog.embeddings.spaces()[0].photos == 1
    assert len(library.catalog.photos.get(library.photo_id("same"), EVERYTHING).names) == 8
    assert [len(batch.ids) for batch in library.catalog.embeddings.iterate(SPACE)] == [1]


def test_recording_the_same_reading_twice_changes_nothing(library: Any) -> None:
    library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "a")])
    item = Ingested(library.unread("a.jpg"), library.sha256("a"), unreadable=UnreadableReason.BROKEN)
    first, second = library.catalog.ingest.record([item]), library.catalog.ingest.record([item])
    assert (first[0].created, second[0].created) == (True, False)
    assert library.catalog.counts().unreadable_by_reason == {UnreadableReason.BROKEN: 1}


def test_a_changed_object_is_read_again_and_its_old_photo_goes(library: Any) -> None:
    old = library.add("a.jpg", "before")
    assert library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "after!")]).changed == 1
    assert library.unread("a.jpg").sha256 is None
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).photos[0].photo_id == old
    new = library.read("a.jpg", "after!").photo_id
    assert [photo.photo_id for photo in library.catalog.photos.list_page(Filter(), EVERYTHING).photos] == [new]
    assert library.catalog.photos.get(old, EVERYTHING).state is PhotoState.READY


def test_a_reading_of_bytes_that_changed_meanwhile_is_stale(library: Any) -> None:
    library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "before")])
    handed_out = library.unread("a.jpg")
    library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "after!")])
    recorded = library.catalog.ingest.record([Ingested(handed_out, library.sha256("before"), unreadable=UnreadableReason.EMPTY)])
    assert recorded[0].outcome is RecordedOutcome.STALE
    assert library.catalog.counts().photos == 0
    assert len(library.catalog.objects.next_unread(10)) == 1


def test_an_object_that_comes_back_unchanged_costs_nothing(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    assert library.catalog.objects.mark_gone("photos", ["a.jpg", "never there.jpg"]) == 1
    assert library.catalog.objects.mark_gone("photos", ["a.jpg"]) == 0
    assert library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "a")]) == SeenResult(returned=1)
    assert library.catalog.objects.next_unread(10) == []
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).photos[0].photo_id == photo_id


def test_what_takes_a_gone_name_does_not_show_the_old_photo(library: Any) -> None:
    library.add("a.jpg", "old")
    library.catalog.objects.mark_gone("photos", ["a.jpg"])
    library.catalog.objects.record_seen("photos", [library.seen("a.jpg", "something new")])
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).total == 0


def test_keys_are_listed_by_folder(library: Any) -> None:
    objects = library.catalog.objects
    objects.record_seen("photos", [library.seen(key, key) for key in ("top.jpg", "旅行/a.jpg", "旅行/海/b.jpg", "旅行 2/c.jpg")])
    assert objects.present_keys("photos", "旅行") == ["旅行/a.jpg"]
    assert objects.present_keys("photos", "") == ["top.jpg"]
    assert len(objects.present_keys("photos")) == 4
    assert objects.present_keys("nas") == []


def test_non_photos_are_counted_by_extension(library: Any) -> None:
    objects = library.catalog.objects
    ignored = [library.seen(key, key, ignored=True) for key in ("a.JSON", "x/b.json", "Thumbs.db", ".DS_Store")]
    objects.record_seen("photos", [*ignored, library.seen("mystery", "text after all"), library.seen("c.jpg", "c")])
    objects.record_ignored("photos", ["mystery"])
    counts = library.catalog.counts()
    assert counts.ignored == {".json": 2, "": 2, ".db": 1}
    assert (counts.objects, counts.unread_objects, counts.size_bytes) == (6, 1, 1)
    assert objects.record_seen("photos", [library.seen("mystery", "text after all")]).unchanged == 1
    assert [one.key for one in objects.next_unread(10)] == ["c.jpg"]


def test_an_upload_is_a_pending_photo_at_once(library: Any) -> None:
    upload = library.seen("上传/猫.jpg", "cat")
    fields = {"etag": upload.etag, "size_bytes": upload.size_bytes, "modified_at": upload.modified_at}
    put = library.catalog.objects.put("photos", upload.key, sha256=library.sha256("cat"), **fields)
    assert (put.created, put.deleted, put.state) == (True, False, PhotoState.PENDING)
    assert library.catalog.objects.record_seen("photos", [upload]) == SeenResult(unchanged=1)
    assert library.unread("上传/猫.jpg").sha256 == library.sha256("cat")
    assert [hit.photo_id for hit in library.catalog.words.search("猫", Filter(), EVERYTHING)] == [put.photo_id]
    assert [one.sha256 for one in library.catalog.objects.of_photo(put.photo_id)] == [library.sha256("cat")]

    library.read("上传/猫.jpg", "cat")
    again = library.catalog.objects.put("photos", "again.jpg", sha256=library.sha256("cat"), **fields)
    assert (again.created, again.state) == (False, PhotoState.READY)
    assert library.catalog.objects.next_unread(10) == []
    assert [one.key for one in library.catalog.objects.of_photo(put.photo_id)] == ["上传/猫.jpg", "again.jpg"]


def test_a_name_without_an_object_is_searchable_and_counts_for_folders(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    library.catalog.ingest.add_names("photos", [(photo_id, "奶奶/生日.jpg"), ("0" * 32, "nobody.jpg")])
    library.catalog.ingest.add_names("photos", [(photo_id, "奶奶/生日.jpg")])
    assert [(name.name, name.present) for name in library.catalog.photos.get(photo_id, EVERYTHING).names] == [
        ("a.jpg", True),
        ("奶奶/生日.jpg", False),
    ]
    assert len(library.catalog.words.search("奶奶", Filter(folders=("奶奶",)), EVERYTHING)) == 1


def test_hostile_names_are_names_like_any_other(library: Any) -> None:
    names = [
        'it\'s "quoted" 100%_done*.jpg',
        "line\nbreak\tand\x00nul.jpg",
        "\u202egpj.exe\u200f.jpg",
        "名" * 341 + ".jp",
        "'; DROP TABLE photos; --.jpg",
        "NEAR(a b) OR AND NOT ^col:x.jpg",
        "cafe\u0301/e\u0301te\u0301.jpg",
        "😀/👨‍👩‍👧.jpg",
    ]
    for name in names:
        library.add(name, name)
    library.reopen()
    assert {photo.names[0].name for photo in library.catalog.photos.list_page(Filter(), EVERYTHING).photos} == set(names)
    assert library.catalog.photos.list_page(Filter(folders=("caf\u00e9",)), EVERYTHING).total == 1
    assert library.catalog.photos.list_page(Filter(folders=("it%",)), EVERYTHING).total == 0
    for name in names:
        library.catalog.words.search(name, Filter(), EVERYTHING)
