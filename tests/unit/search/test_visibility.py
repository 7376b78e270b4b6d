"""What a confined caller may see of a catalog."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from soutu_services.runtime.access import Access, FolderAccess, Scope
from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.search.catalog import AnnotationChange
from soutu_services.search.model import Filter
from soutu_services.search.visibility import EVERYTHING, Visibility


def within(*places: tuple[str, str]) -> Visibility:
    return Visibility(tuple(FolderAccess(source, folder) for source, folder in places))


def test_who_is_confined_to_no_folder_sees_everything() -> None:
    assert Visibility.of(Access("", Scope.READ)) is EVERYTHING
    assert not Visibility.of(Access("", Scope.READ, (FolderAccess("", ""),))).is_everything
    assert not Visibility(()).holds("photos", "a.jpg"), "confined to nothing is not everything"


NAMES = (
    ("photos", "旅行/a.jpg"),
    ("photos", "旅行/2019/b.jpg"),
    ("photos", "旅行2/c.jpg"),
    ("photos", "旅行.jpg"),
    ("photos", "旅 行/d.jpg"),
    ("nas", "旅行/e.jpg"),
    ("photos", "Cafe\u0301/f.jpg"),
    ("photos", "caf\u00e9/g.jpg"),
    ("photos", "h.jpg"),
    ("photos", "100%/i.jpg"),
    ("photos", "100x/j.jpg"),
    ("photos", "深/旅行/k.jpg"),
    ("photos", "旅行0/l.jpg"),
)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("photos", "旅行")], "ab"),
        ([("photos", "/旅行//")], "ab"),
        ([("", "旅行")], "abe"),
        ([("photos", "旅行/2019")], "b"),
        ([("photos", "旅行/2019"), ("nas", "")], "be"),
        ([("nas", "")], "e"),
        ([("photos", "旅")], ""),
        ([("photos", "旅行/a.jpg")], ""),
        ([("photos", "Caf\u00e9")], "f"),
        ([("photos", "cafe\u0301")], "g"),
        ([("photos", "100%")], "i"),
        ([("photos", "../photos/旅行")], ""),
        ([("nowhere", "")], ""),
        ([("", "")], ""),
    ],
)
def test_the_catalog_and_the_rule_agree_on_what_lies_in_a_folder(
    library: Any, places: list[tuple[str, str]], expected: str
) -> None:
    ids = {library.add(name, name, source=source): (source, name) for source, name in NAMES}
    visibility = within(*places)
    ruled = {name for source, name in NAMES if visibility.holds(source, name)}
    page = library.catalog.photos.list_page(Filter(), visibility)
    assert {ids[photo.photo_id][1] for photo in page.photos} == ruled
    assert page.total == len(ruled)
    assert len(library.catalog.embeddings.ids_matching("5" * 32, Filter(), visibility)) == len(ruled)
    assert library.catalog.photos.visible(list(ids), visibility) == {photo.photo_id for photo in page.photos}
    assert library.catalog.counts_within(visibility).photos == len(ruled)
    if ("", "") not in places:
        assert {name.rpartition("/")[2][0] for name in ruled} == set(expected)
        folders = Filter(folders=tuple(folder for _, folder in places), sources=tuple({source for source, _ in places if source}))
        if len(places) == 1:
            assert {photo.photo_id for photo in library.catalog.photos.list_page(folders, EVERYTHING).photos} == {
                photo.photo_id for photo in page.photos
            }, "the folder filter says the same"


GUEST = within(("photos", "客人"))


def test_a_photo_is_seen_while_an_object_of_it_lies_inside(library: Any) -> None:
    inside, outside = library.add("客人/a.jpg", "a"), library.add("私/b.jpg", "b")
    library.add("私/又名.jpg", "a")
    library.catalog.ingest.add_names("photos", [(outside, "客人/化名.jpg")])
    photos = library.catalog.photos
    assert [name.name for name in photos.get(inside, GUEST).names] == ["客人/a.jpg"]
    assert [photo.photo_id for photo in photos.get_many([inside, outside], GUEST)] == [inside]
    library.catalog.objects.mark_gone("photos", ["客人/a.jpg"])
    with pytest.raises(NotFound):
        photos.get(inside, GUEST)
    library.add("客人/旧/a.jpg", "a")
    assert [name.present for name in photos.get(inside, GUEST).names] == [True, False], "names inside, past ones too"
    photos.delete([inside])
    assert photos.list_page(Filter(), GUEST, deleted=True).total == 0
    with pytest.raises(NotFound) as unseen:
        photos.get(inside, GUEST)
    with pytest.raises(NotFound) as unknown:
        photos.get("f" * 32, GUEST)
    assert (unseen.value.reason, unseen.value.text) == (unknown.value.reason, unknown.value.text)


def test_ids_are_ambiguous_among_visible_photos_alone(library: Any) -> None:
    first_of: dict[str, str] = {}
    for number in range(1 << 17):
        content = str(number)
        prefix = hashlib.sha256(content.encode()).hexdigest()[:6]
        if prefix in first_of:
            break
        first_of[prefix] = content
    inside = library.add("客人/a.jpg", first_of[prefix])
    library.add("私/b.jpg", content)
    assert library.catalog.photos.get(prefix, GUEST).photo_id == inside
    with pytest.raises(InvalidInput):
        library.catalog.photos.get(prefix, EVERYTHING)


def test_words_outside_neither_match_nor_are_told(library: Any) -> None:
    inside, outside = library.add("客人/湖.jpg", "a"), library.add("私/雪山.jpg", "b")
    library.add("私/雪山湖.jpg", "a")
    library.catalog.annotations.annotate([inside, outside], AnnotationChange(add_tags=("全家",)))
    words = library.catalog.words
    assert words.search("雪山", Filter(), GUEST) == []
    assert words.photos_with("雪山", Filter(), GUEST) == set()
    assert words.photos_with("雪山湖", Filter(), GUEST) == set()
    assert [[match.text for match in hit.matches] for hit in words.search("湖", Filter(), GUEST)] == [["客人/湖.jpg"]]
    assert [hit.photo_id for hit in words.search("全家", Filter(), GUEST)] == [inside], "labels are the photo's"
    assert words.photos_with("全家", Filter(), GUEST) == {inside}


def test_what_others_wrote_does_not_change_a_guests_order(library: Any) -> None:
    """Not the order, which follows from how rare words are, nor what counts as frequent."""
    texts = ("湖边 狗", "湖边 狗 狗 猫", "狗 湖边 山 山 山", "猫 湖边", "山", "小狗 湖边 老猫", "湖边的山上有一只狗")
    for number, words in enumerate(texts):
        library.add(f"客人/{words}/{number}.jpg", f"in {number}")

    def order(visibility: Visibility) -> list[list[tuple[str, int]]]:
        return [
            [(hit.photo_id, hit.rank) for hit in library.catalog.words.search(query, Filter(), visibility)]
            for query in ("狗", "湖边", "湖边 狗", "山上的狗和猫", "在湖边的山上看见一只狗", "猫")
        ]

    alone = order(EVERYTHING)
    assert order(GUEST) == alone, "ranked as if the library held nothing else"
    for number in range(60):
        library.add(f"私/湖边 {'猫 ' * (number % 3)}/{number}.jpg", f"out {number}")
    assert order(EVERYTHING)[0] != []
    assert order(GUEST) == alone


def test_frequent_words_are_those_that_a_guest_sees_often(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.word_search._FREQUENT_TEXTS", 2)
    inside = library.add("客人/雪山.jpg", "a")
    for number in range(4):
        library.add(f"私/雪山{number}.jpg", f"out {number}")
    sentence = "去年在雪山的照片"
    assert library.catalog.words.search(sentence, Filter(), EVERYTHING) == []
    assert [hit.photo_id for hit in library.catalog.words.search(sentence, Filter(), GUEST)] == [inside]
