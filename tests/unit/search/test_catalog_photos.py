from __future__ import annotations

import time
from typing import Any

import pytest

from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.search.catalog import AnnotationChange, Ingested, RecordedOutcome
from soutu_services.search.model import Annotations, Filter, PhotoState, UnreadableReason
from soutu_services.search.page_tokens import list_digest, page_token
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32


def test_a_photo_is_found_by_the_first_digits_of_its_id(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    assert library.catalog.photos.get(photo_id[:6].upper(), EVERYTHING).photo_id == photo_id
    with pytest.raises(NotFound):
        library.catalog.photos.get("0" * 32, EVERYTHING)
    for wrong in ("", "abc", "zzzzzz", photo_id + "0", "%%%%%%"):
        with pytest.raises(InvalidInput):
            library.catalog.photos.get(wrong, EVERYTHING)


def test_several_photos_are_got_in_the_order_asked_for(library: Any) -> None:
    ids = [library.add(f"{number}.jpg", str(number)) for number in range(5)]
    asked = [ids[3], "0" * 32, ids[0], ids[4]]
    assert [photo.photo_id for photo in library.catalog.photos.get_many(asked, EVERYTHING)] == [ids[3], ids[0], ids[4]]


def test_lists_are_newest_first_and_paged_without_repetition(library: Any) -> None:
    days = {library.add(f"{day}.jpg", str(day), taken=library.taken(f"2020-01-{day:02}T10:00:00")): day for day in range(1, 24)}
    seen, token = [], ""
    while True:
        page = library.catalog.photos.list_page(Filter(), EVERYTHING, limit=5, page_token_text=token)
        assert page.total == 23
        seen += [days[photo.photo_id] for photo in page.photos]
        token = page.next_page_token
        if not token:
            break
    assert seen == list(range(23, 0, -1))


def test_a_token_belongs_to_its_list(library: Any) -> None:
    for number in range(3):
        library.add(f"{number}.jpg", str(number))
    token = library.catalog.photos.list_page(Filter(), EVERYTHING, limit=1).next_page_token
    for wrong in (token[:-3], "x", "!" * 5000, "W10", token + "A" * 8):
        with pytest.raises(InvalidInput):
            library.catalog.photos.list_page(Filter(), EVERYTHING, limit=1, page_token_text=wrong)
    with pytest.raises(InvalidInput):
        library.catalog.photos.list_page(Filter(favourite=True), EVERYTHING, limit=1, page_token_text=token)
    made_up = page_token(list_digest("photos", Filter(), [], False), ["\ud800", "x"])
    with pytest.raises(InvalidInput):
        library.catalog.photos.list_page(Filter(), EVERYTHING, limit=1, page_token_text=made_up)


def test_lists_can_be_held_to_states(library: Any) -> None:
    ready = library.add("ready.jpg", "ready")
    pending = library.add("pending.jpg", "pending", embedded=False)
    broken = library.add("broken.jpg", "broken", unreadable=UnreadableReason.BROKEN)

    def listed(*states: PhotoState) -> set[str]:
        return {photo.photo_id for photo in library.catalog.photos.list_page(Filter(), EVERYTHING, states=states).photos}

    assert listed() == {ready, pending, broken}
    assert listed(PhotoState.UNREADABLE) == {broken}
    assert listed(PhotoState.READY, PhotoState.PENDING) == {ready, pending}
    assert {photo.photo_id for photo in library.catalog.photos.newest_searchable(Filter(), EVERYTHING, 10)[0]} == {ready, pending}


def test_sync_does_not_bring_a_deleted_photo_back(library: Any) -> None:
    photo_id = library.add("a.jpg", "a", source="nas")
    assert library.catalog.photos.delete([photo_id, "0" * 32]) == [photo_id]
    library.catalog.objects.record_seen("nas", [library.seen("a.jpg", "a"), library.seen("copy.jpg", "a")])
    recorded = library.read("copy.jpg", "a", source="nas")
    assert recorded.outcome is RecordedOutcome.DELETED
    library.reopen()
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).total == 0
    assert library.catalog.words.search("a", Filter(), EVERYTHING) == []
    assert library.catalog.photos.list_page(Filter(), EVERYTHING, deleted=True).photos[0].photo_id == photo_id
    counts = library.catalog.counts()
    assert (counts.photos, counts.deleted) == (0, 1)

    assert library.catalog.photos.undelete([photo_id]) == [photo_id]
    photo = library.catalog.photos.list_page(Filter(), EVERYTHING).photos[0]
    assert (photo.photo_id, photo.state, photo.deleted_at) == (photo_id, PhotoState.READY, None)


def test_a_photo_goes_to_the_recycle_bucket_and_back_with_all_that_is_known_of_it(library: Any) -> None:
    photo_id = library.add("旅行/a.jpg", "a")
    library.catalog.annotations.annotate([photo_id], AnnotationChange(favourite=True, add_tags=("海",)))
    library.catalog.photos.delete([photo_id])
    (move,) = library.catalog.objects.of_deleted_photos(["photos"])
    assert (move[0], move[1].key) == (photo_id, "旅行/a.jpg")
    for _ in range(2):  # a move that is finished after a crash is noted again
        library.catalog.objects.recycle(move[1].object_id, f"photos/{photo_id}/旅行/a.jpg")
    library.reopen()
    assert [stored.key for _, stored in library.catalog.objects.of_deleted_photos(["photos"])] == ["旅行/a.jpg"]  # it may be left
    library.catalog.objects.moved(f"photos/{photo_id}/旅行/a.jpg")
    assert library.catalog.objects.of_deleted_photos(["photos"]) == []
    library.catalog.objects.record_seen("photos", [library.seen("旅行/a.jpg", "another took the name")])
    library.read("旅行/a.jpg", "another took the name")

    (recycled,) = library.catalog.objects.recycled([photo_id])
    assert (recycled.key, recycled.sha256) == ("旅行/a.jpg", library.sha256("a"))
    library.catalog.photos.undelete([photo_id])
    library.catalog.objects.restore(
        recycled.recycled_id, "旅行/a (2).jpg", etag="e", size_bytes=1, modified_at=recycled.modified_at
    )
    photo = library.catalog.photos.get(photo_id, EVERYTHING)
    assert photo.names[0].name == "旅行/a (2).jpg"
    assert (photo.state, photo.annotations) == (PhotoState.READY, Annotations(favourite=True, tags=("海",)))
    assert library.catalog.objects.recycled() == []
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).total == 2


def test_purge_removes_only_deleted_photos_and_tells_their_embeddings(library: Any) -> None:
    kept, gone = library.add("kept.jpg", "kept"), library.add("gone.jpg", "gone")
    before = library.catalog.embeddings.ids_of(SPACE, [gone])
    library.catalog.photos.delete([gone])
    purged = library.catalog.photos.purge([kept, gone])
    assert purged.photo_ids == (gone,)
    assert purged.embedding_ids.tolist() == list(before)
    assert library.catalog.words.search("gone", Filter(), EVERYTHING) == []
    with pytest.raises(NotFound):
        library.catalog.photos.get(gone, EVERYTHING)
    assert library.catalog.photos.list_page(Filter(), EVERYTHING).total == 1
    assert library.catalog.objects.find_contents([library.sha256("gone")]) == {}


def test_a_purged_content_in_a_source_does_not_come_back_by_itself(library: Any) -> None:
    photo_id = library.add("a.jpg", "a", source="nas")
    library.catalog.photos.delete([photo_id])
    library.catalog.photos.purge()
    library.reopen()
    library.catalog.objects.record_seen("nas", [library.seen("a.jpg", "a"), library.seen("copy.jpg", "a")])
    assert library.read("copy.jpg", "a", source="nas").outcome is RecordedOutcome.PURGED
    assert library.catalog.objects.next_unread(10) == []
    assert library.catalog.counts().photos == 0


def test_a_purged_content_that_a_person_brings_is_a_new_photo(library: Any) -> None:
    old_id = library.add("a.jpg", "a", source="nas")
    library.catalog.annotations.annotate([old_id], AnnotationChange(favourite=True))
    old_embedding = list(library.catalog.embeddings.ids_of(SPACE, [old_id]))
    library.catalog.photos.delete([old_id])
    library.catalog.photos.purge()
    library.catalog.objects.record_seen("photos", [library.seen("dropped.jpg", "a")])
    item = Ingested(library.unread("dropped.jpg"), library.sha256("a"))
    assert library.catalog.ingest.record([item])[0].outcome is RecordedOutcome.PURGED
    library.catalog.objects.put(
        "photos", "up.jpg", etag="e", size_bytes=1, modified_at=item.object.modified_at, sha256=library.sha256("a")
    )
    recorded = library.read("up.jpg", "a")
    new_embedding = list(library.catalog.embeddings.ids_of(SPACE, [recorded.photo_id]))
    assert new_embedding[0] > old_embedding[0], "an id is never given twice"
    photo = library.catalog.photos.get(recorded.photo_id, EVERYTHING)
    assert (photo.state, photo.annotations) == (PhotoState.READY, Annotations())
    assert {name.name for name in photo.names} == {"up.jpg", "dropped.jpg", "a.jpg"}


def test_annotations_are_kept_in_order_and_change_nothing_else(library: Any) -> None:
    ids = [library.add(f"{number}.jpg", str(number)) for number in range(2)]
    annotate = library.catalog.annotations.annotate
    change = AnnotationChange(favourite=True, caption=" 奶奶\n生日 ", add_tags=("海", " 夏天 ", "海"), add_albums=("旅行",))
    photos = annotate(ids, change)
    expected = Annotations(favourite=True, tags=("海", "夏天"), caption="奶奶\n生日", albums=("旅行",))
    assert [photo.annotations for photo in photos] == [expected, expected]
    annotate([ids[0]], AnnotationChange(remove_tags=("海",), caption="", remove_albums=("旅行", "没有")))
    library.reopen()
    assert library.catalog.photos.get(ids[0], EVERYTHING).annotations == Annotations(favourite=True, tags=("夏天",))
    assert library.catalog.photos.get(ids[1], EVERYTHING).annotations == expected
    assert [hit.photo_id for hit in library.catalog.words.search("奶奶 生日", Filter(), EVERYTHING)] == [ids[1]]
    assert [hit.photo_id for hit in library.catalog.words.search("旅行", Filter(), EVERYTHING)] == [ids[1]]


def test_impossible_annotations_change_nothing(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    annotate = library.catalog.annotations.annotate
    impossible = (
        AnnotationChange(favourite=True, add_tags=("",)),
        AnnotationChange(favourite=True, add_tags=("a\nb",)),
        AnnotationChange(favourite=True, add_albums=("x" * 101,)),
        AnnotationChange(favourite=True, caption="x" * 2001),
        AnnotationChange(favourite=True, caption="a\x00b"),
        AnnotationChange(favourite=True, add_tags=tuple(str(number) for number in range(201))),
    )
    for change in impossible:
        with pytest.raises(InvalidInput):
            annotate([photo_id], change)
    with pytest.raises(NotFound):
        annotate([photo_id, "0" * 32], AnnotationChange(favourite=True))
    assert library.catalog.photos.get(photo_id, EVERYTHING).annotations == Annotations()


@pytest.mark.parametrize("field", ["caption", "add_tags", "remove_albums"])
def test_texts_that_are_far_too_long_are_refused_before_they_are_normalised(library: Any, field: str) -> None:
    text = "a" + "\u0301\u0316" * 20_000
    change = AnnotationChange(**{field: text if field == "caption" else (text,)})
    began = time.thread_time()
    with pytest.raises(InvalidInput):
        library.catalog.annotations.annotate([], change)
    assert time.thread_time() - began < 0.5


def test_decomposed_texts_count_as_what_is_seen(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    change = AnnotationChange(caption="e\u0323\u0302" * 2000, add_tags=("e\u0323\u0302" * 100,))
    (photo,) = library.catalog.annotations.annotate([photo_id], change)
    assert (photo.annotations.caption, photo.annotations.tags) == ("\u1ec7" * 2000, ("\u1ec7" * 100,))
