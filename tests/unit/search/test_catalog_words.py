from __future__ import annotations

from typing import Any

import pytest

from soutu_services.search.catalog import AnnotationChange
from soutu_services.search.model import Filter, MatchField, UnreadableReason, WordMatch
from soutu_services.search.visibility import EVERYTHING


def found(library: Any, text: str, photo_filter: Filter | None = None) -> list[str]:
    return [hit.photo_id for hit in library.catalog.words.search(text, photo_filter or Filter(), EVERYTHING)]


def test_a_word_and_a_sentence_that_contains_it_find_a_name(library: Any) -> None:
    photo_id = library.add("家/奶奶生日.jpg")
    library.add("家/爷爷钓鱼.jpg")
    library.reopen()
    assert found(library, "奶奶") == [photo_id]
    assert found(library, "奶") == [photo_id]
    assert found(library, "日") == [photo_id]
    assert found(library, "奶奶过生日的时候") == [photo_id]
    (hit,) = library.catalog.words.search("奶奶", Filter(), EVERYTHING)
    assert hit.matches == (WordMatch(MatchField.NAME, "家/奶奶生日.jpg"),)
    assert hit.rank == 1


def test_tags_captions_and_albums_are_found_and_named(library: Any) -> None:
    photo_id = library.add("IMG_1.jpg", "1")
    change = AnnotationChange(add_tags=("海边",), caption="奶奶在厨房", add_albums=("2019 春节",))
    library.catalog.annotations.annotate([photo_id], change)
    for text, match in (
        ("海边", WordMatch(MatchField.TAG, "海边")),
        ("厨房", WordMatch(MatchField.CAPTION, "奶奶在厨房")),
        ("2019春节", WordMatch(MatchField.ALBUM, "2019 春节")),
    ):
        (hit,) = library.catalog.words.search(text, Filter(), EVERYTHING)
        assert hit.matches == (match,)
    (hit,) = library.catalog.words.search("海边 厨房", Filter(), EVERYTHING)
    assert set(hit.matches) == {WordMatch(MatchField.TAG, "海边"), WordMatch(MatchField.CAPTION, "奶奶在厨房")}


def test_exact_names_come_before_longer_ones_and_those_before_parts_of_a_sentence(library: Any) -> None:
    longer = library.add("我家的小狗在公园里跑.jpg", "longer")
    shorter = library.add("小狗公园.jpg", "shorter")
    exact = library.add("小狗.jpg", "exact")
    assert found(library, "小狗") == [exact, shorter, longer]
    ranks = {hit.photo_id: hit.rank for hit in library.catalog.words.search("小狗", Filter(), EVERYTHING)}
    assert ranks == {exact: 1, shorter: 2, longer: 3}


def test_what_many_photos_share_with_a_sentence_tells_little(library: Any) -> None:
    for number in range(30):
        library.add(f"家庭相册/IMG_{number:04}.jpg", f"family {number}")
    single = library.add("野餐.jpg", "picnic")
    ranks = {hit.photo_id: hit.rank for hit in library.catalog.words.search("家庭聚会野餐", Filter(), EVERYTHING)}
    assert ranks.pop(single) == 1
    assert set(ranks.values()) == {31}
    whole = {hit.rank for hit in library.catalog.words.search("家庭相册", Filter(), EVERYTHING)}
    assert whole == {1}, "a folder asked for by its whole name is found as a whole"


def test_filters_and_visibility_hold_for_words(library: Any) -> None:
    shown = library.add("旅行/小狗.jpg", "a")
    library.add("家/小狗.jpg", "b")
    library.catalog.photos.delete([library.add("旅行/小狗 2.jpg", "c")])
    library.add("旅行/小狗 3.jpg", "d")
    library.catalog.objects.mark_gone("photos", ["旅行/小狗 3.jpg"])
    library.add("旅行/小狗 4.jpg", "e", unreadable=UnreadableReason.BROKEN)
    assert found(library, "小狗", Filter(folders=("旅行",))) == [shown]
    assert library.catalog.words.photos_with("小狗", Filter(folders=("旅行",)), EVERYTHING) == {shown}


def test_photos_with_a_text_are_those_that_have_all_of_it_in_one_place(library: Any) -> None:
    both = library.add("小狗和雪.jpg", "both")
    library.add("小狗.jpg", "dog")
    spread = library.add("雪.jpg", "snow")
    library.catalog.annotations.annotate([spread], AnnotationChange(add_tags=("小狗",)))
    assert library.catalog.words.photos_with("小狗 雪", Filter(), EVERYTHING) == {both}
    assert library.catalog.words.photos_with("小狗在雪地里打滚", Filter(), EVERYTHING) == set()
    assert library.catalog.words.photos_with("", Filter(), EVERYTHING) == set()


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        'a" OR b',
        "NEAR(a b, 5)",
        "a AND",
        "NOT",
        "*",
        "a*",
        "^a",
        "col:a",
        "-a",
        "(",
        "a\x00b",
        "\n",
        "%",
        "\u202e",
        "+",
        "{a b}",
        "a" * 1000,
        "名" * 1000,
    ],
)
def test_no_text_upsets_the_index_of_words(library: Any, text: str) -> None:
    library.add("a b.jpg")
    library.catalog.words.search(text, Filter(), EVERYTHING)
    library.catalog.words.photos_with(text, Filter(), EVERYTHING)


def test_more_photos_than_are_judged_are_all_excluded_and_found_by_filter(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.word_search.CANDIDATE_TEXTS", 5)
    dogs = {library.add(f"小狗 {number}.jpg") for number in range(30)}
    far = library.add("很远很远很远/我们家的小狗在公园里面跑来跑去.jpg")
    assert library.catalog.words.photos_with("小狗", Filter(), EVERYTHING) == dogs | {far}
    assert library.catalog.words.photos_with("我们家的小狗", Filter(), EVERYTHING) == {far}
    assert len(library.catalog.words.search("小狗", Filter(), EVERYTHING)) == 5
    assert found(library, "小狗", Filter(folders=("很远很远很远",))) == [far], "however deep it lies by BM25"


def test_frequent_parts_of_a_sentence_are_passed_over_but_not_frequent_words(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.word_search._FREQUENT_TEXTS", 5)
    dogs = [library.add(f"小狗 {number}.jpg") for number in range(10)]
    picnic = library.add("野餐.jpg")
    assert len(found(library, "小狗")) == len(dogs)
    assert found(library, "我家的小狗去野餐") == [picnic]
