"""Files that are one picture: joined in whatever order they come, alone again when the other goes, and one photo until then."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import NotFound
from soutu_services.search.catalog import AnnotationChange, Catalog, RecordedOutcome
from soutu_services.search.catalog.schema import MIGRATIONS
from soutu_services.search.model import Filter, PhotoKind, PhotoState, Taken, TakenOrigin, UnreadableReason
from soutu_services.search.visibility import EVERYTHING, Visibility

Library = Any
SPACE = "5" * 32
KINDS = {
    "jpg": {"media_type": "image/jpeg"},
    "heic": {"media_type": "image/heic"},
    "png": {"media_type": "image/png"},
    "dng": {"media_type": "image/x-raw"},
    "cr2": {"media_type": "image/x-raw"},
    "mov": {"media_type": "video/quicktime", "kind": PhotoKind.VIDEO, "duration_ms": 2800},
    "mp4": {"media_type": "video/mp4", "kind": PhotoKind.VIDEO, "duration_ms": 2800},
}


def put(library: Library, key: str, content: str = "", **facts: object) -> str:
    """Show the catalog a file of the kind that its name says."""
    known = {**KINDS[key.rpartition(".")[2].lower()], **facts}
    content = content or key
    photo_id = str(library.add(key, content, embedded=False, **known))
    library.catalog.embeddings.put(SPACE, [library.photo_id(content)], library.vector(content)[None])
    return photo_id


def shown(library: Library) -> dict[str, list[str]]:
    """The names of the photos that are shown, by id, those of the file that each is shown by first."""
    page = library.catalog.photos.list_page(Filter(), EVERYTHING)
    assert page.total == library.catalog.counts().photos == library.catalog.summary(Filter(), EVERYTHING).total
    assert library.catalog.verification.wrong_pairs(repair=False) == []
    assert library.catalog.verification.wrong_presence(repair=False) == []
    assert library.catalog.verification.wrong_words(repair=False) == []
    return {photo.photo_id: [name.name for name in photo.names if name.present] for photo in page.photos}


@pytest.mark.parametrize("names", list(itertools.permutations(["a/IMG_1.JPG", "a/IMG_1.DNG", "a/img_1.mov"])))
def test_files_of_one_picture_are_one_photo_in_whatever_order_they_come(library: Library, names: tuple[str, ...]) -> None:
    for name in names:
        put(library, name)
    ((photo_id, found),) = shown(library).items()
    assert photo_id == library.photo_id("a/IMG_1.JPG")
    assert found[0] == "a/IMG_1.JPG" and sorted(found[1:]) == ["a/IMG_1.DNG", "a/img_1.mov"]
    photo = library.catalog.photos.get(photo_id, EVERYTHING)
    assert {part.name: (part.part_id, part.media_type) for part in photo.parts} == {
        "a/IMG_1.DNG": (library.photo_id("a/IMG_1.DNG"), "image/x-raw"),
        "a/img_1.mov": (library.photo_id("a/img_1.mov"), "video/quicktime"),
    }
    assert (photo.media_type, photo.kind) == ("image/jpeg", PhotoKind.STILL)


@pytest.mark.parametrize(
    "names",
    [
        ("a/IMG_1.jpg", "b/IMG_1.dng"),
        ("a/IMG_1.jpg", "a/IMG_1(1).dng"),
        ("a/IMG_1.jpg", "a/IMG_10.dng"),
        ("a/IMG_1.jpg", "a/IMG_1.jpg.dng"),
        ("a/IMG_1.png", "a/IMG_1.dng"),
        ("a/IMG_1.jpg", "a/IMG_1.heic"),
        ("a/IMG_1.jpg", "a/IMG_1(1).jpg"),
        ("a/IMG_1.dng", "a/IMG_1.mov"),
    ],
)
def test_other_files_are_photos_of_their_own(library: Library, names: tuple[str, str]) -> None:
    for name in names:
        put(library, name)
    assert len(shown(library)) == 2


def test_sources_are_apart(library: Library) -> None:
    put(library, "IMG_1.jpg")
    library.add("IMG_1.dng", "raw", source="camera", **KINDS["dng"])
    assert len(shown(library)) == 2


@pytest.mark.parametrize(("duration_ms", "photos"), [(500, 1), (6000, 1), (6001, 2), (60_000, 2), (0, 2), (None, 2)])
def test_only_a_short_clip_is_part_of_a_picture(library: Library, duration_ms: int | None, photos: int) -> None:
    put(library, "IMG_1.heic")
    put(library, "IMG_1.mov", duration_ms=duration_ms)
    assert len(shown(library)) == photos


def at(text: str, offset: int | None = None, origin: TakenOrigin = TakenOrigin.EXIF) -> Taken:
    return Taken(datetime.fromisoformat(text), offset, origin)


@pytest.mark.parametrize(
    ("still", "other", "name", "photos"),
    [
        (at("2024-05-01T12:00:00"), at("2024-05-01T12:00:02"), "IMG_1.dng", 1),
        (at("2024-05-01T12:00:00", 480), at("2024-05-01T12:00:00"), "IMG_1.dng", 1),
        (at("2024-05-01T12:00:00"), at("2024-05-01T12:00:03"), "IMG_1.dng", 2),
        (at("2024-05-01T12:00:00"), at("2020-01-01T00:00:00", None, TakenOrigin.MODIFIED), "IMG_1.dng", 1),
        (at("2024-05-01T12:00:00"), None, "IMG_1.dng", 1),
        (at("2024-05-01T12:00:00", 480), at("2024-05-01T04:00:20", 0), "IMG_1.mov", 1),
        (at("2024-05-01T12:00:00", 480), at("2024-05-01T12:00:00", 0), "IMG_1.mov", 2),
        (at("2024-05-01T12:00:00"), at("2024-05-01T04:00:20", 0), "IMG_1.mov", 1),
    ],
)
def test_what_was_taken_at_another_time_is_another_picture(
    library: Library, still: Taken, other: Taken | None, name: str, photos: int
) -> None:
    put(library, "IMG_1.jpg", taken=still)
    put(library, name, taken=other)
    assert len(shown(library)) == photos


@pytest.mark.parametrize("first", ["a/IMG_1.jpg", "a/IMG_1.dng"])
def test_each_stands_alone_again_when_the_other_goes(library: Library, first: str) -> None:
    jpg, dng = (put(library, name) for name in ("a/IMG_1.jpg", "a/IMG_1.dng"))
    other = {"a/IMG_1.jpg": "a/IMG_1.dng", "a/IMG_1.dng": "a/IMG_1.jpg"}[first]
    library.catalog.objects.mark_gone("photos", [first])
    assert shown(library) == {library.photo_id(other): [other]}
    assert library.catalog.photos.get(library.photo_id(other), EVERYTHING).state is PhotoState.READY  # nothing is read again
    assert library.catalog.objects.next_unread(10) == []
    library.catalog.objects.record_seen("photos", [library.seen(first, first)])
    assert shown(library) == {library.photo_id("a/IMG_1.jpg"): ["a/IMG_1.jpg", "a/IMG_1.dng"]}
    assert jpg == library.photo_id("a/IMG_1.jpg") and dng in (jpg, library.photo_id("a/IMG_1.dng"))


def test_both_may_go_and_come_back_together(library: Library) -> None:
    names = ["a/IMG_1.jpg", "a/IMG_1.dng"]
    for name in names:
        put(library, name)
    library.catalog.objects.mark_gone("photos", names)
    assert shown(library) == {}
    library.catalog.objects.record_seen("photos", [library.seen(name, name) for name in names])
    assert list(shown(library)) == [library.photo_id(names[0])]


def test_a_pair_that_moves_stays_one_photo_on_the_way(library: Library) -> None:
    for name in ("a/IMG_1.jpg", "a/IMG_1.dng"):
        put(library, name)
    moved = {"b/Trip.dng": "a/IMG_1.dng", "b/Trip.jpg": "a/IMG_1.jpg"}
    library.catalog.objects.record_seen("photos", [library.seen(name, content) for name, content in moved.items()])
    for name, content in moved.items():
        library.read(name, content, embedded=False, **KINDS[name[-3:]])
        assert len(shown(library)) == 1, name
    library.catalog.objects.mark_gone("photos", list(moved.values()))
    assert shown(library) == {library.photo_id("a/IMG_1.jpg"): ["b/Trip.jpg", "b/Trip.dng"]}


def test_a_copy_that_lies_elsewhere_alone_is_not_hidden(library: Library) -> None:
    for name in ("shared/IMG_1.dng", "private/IMG_1.jpg"):
        put(library, name, name[-3:])
    put(library, "private/IMG_1.dng", "dng")
    guest = Visibility((FolderAccess("photos", "shared"),))
    assert len(shown(library)) == 2
    ((photo),) = library.catalog.photos.list_page(Filter(), guest).photos
    assert photo.photo_id == library.photo_id("dng")
    library.catalog.objects.mark_gone("photos", ["shared/IMG_1.dng"])
    assert len(shown(library)) == 1
    assert library.catalog.photos.list_page(Filter(), guest).photos == ()


def test_a_guest_is_not_told_of_a_part_that_lies_where_others_may_see(library: Library) -> None:
    """The photo lies in the guest's folder too, the raw file beside it only elsewhere."""
    jpg = put(library, "shared/IMG_1.jpg", "jpg")
    put(library, "private/IMG_1.jpg", "jpg")
    dng = library.photo_id("dng")
    assert put(library, "private/IMG_1.dng", "dng") == jpg
    guest, owner = (Visibility((FolderAccess("photos", folder),)) for folder in ("shared", "private"))
    photos = library.catalog.photos
    for seen_by, seen in ((guest, False), (owner, True), (EVERYTHING, True)):
        assert photos.get(jpg, seen_by).photo_id == jpg
        assert len(photos.get(jpg, seen_by).parts) == seen
        assert photos.list_page(Filter(formats=("raw",)), seen_by).total == seen
        formats = {count.value for count in library.catalog.summary(Filter(), seen_by).formats}
        assert formats == {"image/jpeg"} | ({"image/x-raw"} if seen else set())
        assert [photo.photo_id for photo in photos.get_many([dng], seen_by)] == [jpg] * seen
        assert photos.visible([dng], seen_by) == ({jpg} if seen else set())
        if seen:
            assert photos.get(dng[:6], seen_by).photo_id == jpg
        else:
            with pytest.raises(NotFound):
                photos.get(dng[:6], seen_by)


def test_the_id_that_it_had_leads_to_the_photo_that_it_is_part_of(library: Library) -> None:
    dng = put(library, "IMG_1.dng")
    library.catalog.annotations.annotate([dng], AnnotationChange(favourite=True))
    jpg = put(library, "IMG_1.jpg")
    photos = library.catalog.photos
    assert photos.get(dng, EVERYTHING).photo_id == photos.get(dng[:12], EVERYTHING).photo_id == jpg
    assert [photo.photo_id for photo in photos.get_many([dng], EVERYTHING)] == [jpg]
    assert photos.visible([dng], EVERYTHING) == {jpg}
    (annotated,) = library.catalog.annotations.annotate([dng], AnnotationChange(caption="海边"))
    assert (annotated.photo_id, annotated.annotations.caption, annotated.annotations.favourite) == (jpg, "海边", True)
    assert photos.delete([dng]) == [jpg]
    assert shown(library) == {}
    assert photos.undelete([dng]) == [jpg]
    assert list(shown(library)) == [jpg]


def test_what_people_added_to_either_is_kept_by_both(library: Library) -> None:
    dng = put(library, "IMG_1.dng")
    change = AnnotationChange(favourite=True, caption="奶奶", add_tags=("生日",), add_albums=("家",))
    library.catalog.annotations.annotate([dng], change)
    jpg_alone = put(library, "elsewhere/IMG_1.jpg", "jpg")
    library.catalog.annotations.annotate([jpg_alone], AnnotationChange(caption="蛋糕", add_tags=("甜",), add_albums=("家",)))
    put(library, "IMG_1.jpg", "jpg")
    kept = library.catalog.photos.get(jpg_alone, EVERYTHING).annotations
    assert (kept.favourite, kept.tags, kept.caption, kept.albums) == (True, ("甜", "生日"), "蛋糕\n奶奶", ("家",))
    for word in ("奶奶", "蛋糕", "生日", "甜"):
        assert [hit.photo_id for hit in library.catalog.words.search(word, Filter(), EVERYTHING)] == [jpg_alone], word
    library.catalog.objects.mark_gone("photos", ["IMG_1.jpg", "elsewhere/IMG_1.jpg"])
    assert list(shown(library)) == [dng]
    assert library.catalog.photos.get(dng, EVERYTHING).annotations == kept
    library.catalog.objects.record_seen("photos", [library.seen("IMG_1.jpg", "jpg")])
    assert list(shown(library)) == [jpg_alone]
    assert library.catalog.photos.get(dng, EVERYTHING).annotations == kept  # once, however often they meet


def test_it_is_deleted_brought_back_and_purged_as_one(library: Library) -> None:
    jpg, names = library.photo_id("IMG_1.jpg"), ["IMG_1.jpg", "IMG_1.dng"]
    for name in names:
        put(library, name)
    catalog: Catalog = library.catalog
    catalog.photos.delete([jpg])
    objects = catalog.objects.of_photo(jpg)
    assert [one.key for one in objects] == names
    for stored in objects:
        catalog.objects.recycle(stored.object_id, f"photos/{jpg}/{stored.key}")
        catalog.objects.moved(f"photos/{jpg}/{stored.key}")
        assert shown(library) == {}
    for recycled in catalog.objects.recycled([jpg]):
        catalog.objects.restore(recycled.recycled_id, recycled.key, etag="e", size_bytes=1, modified_at=recycled.modified_at)
    catalog.photos.undelete([jpg])
    assert shown(library) == {jpg: names}
    catalog.photos.delete([jpg])
    embeddings = set(catalog.embeddings.all_ids(SPACE).tolist())
    purged = catalog.photos.purge([jpg])
    assert purged.photo_ids == (jpg,)
    assert set(purged.embedding_ids.tolist()) == embeddings and len(embeddings) == 2
    assert catalog.objects.find_contents([library.sha256(name) for name in names]) == {}
    with pytest.raises(NotFound):
        catalog.photos.get(library.photo_id("IMG_1.dng"), EVERYTHING)
    assert catalog.verification.rendered_photos() == (set(), set())


def test_a_part_that_a_person_brings_again_after_a_purge_is_a_photo(library: Library) -> None:
    for name in ("IMG_1.jpg", "IMG_1.dng"):
        put(library, name)
    library.catalog.photos.delete([library.photo_id("IMG_1.jpg")])
    library.catalog.photos.purge()
    content = library.sha256("IMG_1.dng")
    put_again = library.catalog.objects.put(
        "photos", "new.dng", etag="x", size_bytes=9, modified_at=datetime.now().astimezone(), sha256=content
    )
    assert put_again.created and put_again.photo_id == content[:32]


def test_a_raw_file_beside_a_deleted_picture_is_not_hidden_with_it(library: Library) -> None:
    jpg = put(library, "IMG_1.jpg")
    library.catalog.photos.delete([jpg])
    dng = put(library, "IMG_1.dng")
    assert list(shown(library)) == [dng]
    library.catalog.photos.undelete([jpg])
    assert list(shown(library)) == [jpg]


def test_reading_a_part_again_does_not_change_the_picture(library: Library) -> None:
    jpg = put(library, "IMG_1.jpg", width=10, height=20)
    put(library, "IMG_1.dng", "raw", width=30, height=40)
    library.catalog.objects.record_seen("photos", [library.seen("copy/IMG_1.dng", "raw")])
    assert library.catalog.objects.find_contents([library.sha256("raw")])[library.sha256("raw")].read
    recorded = library.read("copy/IMG_1.dng", "raw", embedded=False, **KINDS["dng"], width=30, height=40)
    assert recorded.outcome is RecordedOutcome.STORED
    photo = library.catalog.photos.get(jpg, EVERYTHING)
    assert (photo.width, photo.height, photo.media_type) == (10, 20, "image/jpeg")


def test_an_unreadable_raw_file_is_told_of_by_itself(library: Library) -> None:
    put(library, "IMG_1.jpg")
    library.add("IMG_1.dng", "raw", unreadable=UnreadableReason.BROKEN)
    assert len(shown(library)) == 2
    assert library.catalog.counts().unreadable_by_reason == {UnreadableReason.BROKEN: 1}


def test_a_picture_that_is_replaced_by_another_hands_its_raw_file_over(library: Library) -> None:
    put(library, "IMG_1.jpg", "old")
    put(library, "IMG_1.dng", "raw")
    library.catalog.objects.record_seen("photos", [library.seen("IMG_1.jpg", "new picture")])
    library.read("IMG_1.jpg", "new picture", **KINDS["jpg"])
    assert shown(library) == {library.photo_id("new picture"): ["IMG_1.jpg", "IMG_1.dng"]}


def test_formats_are_those_of_the_parts_too(library: Library) -> None:
    put(library, "IMG_1.jpg")
    put(library, "IMG_1.dng")
    put(library, "other.jpg")
    put(library, "film.mp4", duration_ms=60_000)
    counts = {one.value: one.photos for one in library.catalog.summary(Filter(), EVERYTHING).formats}
    assert counts == {"image/jpeg": 2, "image/x-raw": 1, "video/mp4": 1}
    for formats, photos in ((("raw",), 1), (("cr2", "jpg"), 2), (("mp4",), 1), (("video/mp4", "image/x-raw"), 2), (("mov",), 0)):
        assert library.catalog.photos.list_page(Filter(formats=formats), EVERYTHING).total == photos, formats
    assert library.catalog.photos.list_page(Filter(kinds=(PhotoKind.VIDEO,)), EVERYTHING).total == 1


def test_a_check_finds_and_mends_pairs(library: Library) -> None:
    for name in ("IMG_1.jpg", "IMG_1.dng"):
        put(library, name)
    with library.catalog.transaction():
        library.catalog._database._writer.execute("UPDATE objects SET stem = 'other' WHERE key = 'IMG_1.dng'")
    digest = library.sha256("IMG_1.dng")
    assert library.catalog.verification.wrong_pairs(repair=False) == [digest]
    assert library.catalog.verification.wrong_pairs(repair=True) == [digest]
    assert len(shown(library)) == 2


def test_a_library_from_before_takes_its_raw_files_and_videos_in(library: Library, tmp_path: Any) -> None:
    """Raw files that were refused are read again, videos that were passed over are looked at by the next listing."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for script in MIGRATIONS[:8]:
            old.executescript(script)
        old.execute("PRAGMA user_version = 8")
        old.execute("PRAGMA application_id = 0x736F7574")
        for number, (key, state) in enumerate([("É/IMG_1.JPG", "READ"), ("É/IMG_1.DNG", "READ"), ("É/film.MOV", "IGNORED")], 1):
            content = library.sha256(key) if state == "READ" else None
            if content:
                reason = "UNSUPPORTED" if key.endswith("DNG") else None
                old.execute(
                    "INSERT INTO photos (photo_id, state, unreadable_reason, added_at, pending_since, read_at, sort_at, "
                    "size_bytes, media_type, taken_local, taken_origin) VALUES (?, ?, ?, 1, 1, 1, '2024', 9, ?, ?, 'EXIF')",
                    (
                        content[:32],
                        "UNREADABLE" if reason else "READY",
                        reason,
                        "" if reason else "image/jpeg",
                        "2024-05-01T12:00:00",
                    ),
                )
                old.execute(
                    "INSERT INTO contents (sha256, size_bytes, media_type, photo) VALUES (?, 9, ?, ?)",
                    (content, "" if reason else "image/jpeg", number),
                )
            folder, _, name = key.rpartition("/")
            old.execute(
                "INSERT INTO objects (source, key, folder, extension, etag, size_bytes, modified_at, content, state, seen_at) "
                "VALUES ('photos', ?, ?, ?, 'tag', 9, 1000, ?, ?, 1)",
                (key, folder, f".{name[-3:].lower()}", number if content else None, state),
            )
    with closing(Catalog.open(path)) as catalog:
        unread = catalog.objects.next_unread(9)
        assert [(one.key, one.sha256) for one in unread] == [("É/IMG_1.DNG", library.sha256("É/IMG_1.DNG"))]
        film = library.seen("É/film.MOV", "123456789", etag="tag")
        assert catalog.objects.record_seen("photos", [film]).changed == 1
        with catalog._database.read() as reader:
            assert {row[0] for row in reader.execute("SELECT stem FROM objects")} == {"img_1", "film"}
            assert (
                json.dumps([row[0] for row in reader.execute("SELECT taken_local FROM contents ORDER BY id")]).count("2024") == 2
            )
