from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.duplicates import DuplicatePage, LastDuplicates, list_near_duplicates
from soutu_services.search.index import FlatIndex, near_hashes
from soutu_services.search.model import FloatArray
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32
DOG = np.eye(8, dtype=np.float32)[0]
CAT = np.eye(8, dtype=np.float32)[1]


def index_of(library: Any) -> FlatIndex:
    index = FlatIndex(SPACE, 8)
    for batch in library.catalog.embeddings.iterate(SPACE):
        index.add(batch.ids, batch.vectors)
    return index


def near(vector: FloatArray, amount: float = 0.05) -> FloatArray:
    moved: FloatArray = vector + np.float32(amount) * np.eye(8, dtype=np.float32)[5]
    moved /= np.linalg.norm(moved)
    return moved


def groups(library: Any, **limits: Any) -> list[list[str]]:
    page = list_near_duplicates(library.catalog, index_of(library), EVERYTHING, **limits)
    return [[photo.names[0].name for photo in group] for group in page.groups]


def test_groups_need_both_the_hash_and_the_cosine(library: Any) -> None:
    base = 0xF0F0_F0F0_F0F0_F0F0
    library.add("small.jpg", vector=DOG, phash=base, width=10, height=10)
    library.add("large.jpg", vector=near(DOG), phash=base ^ 0b111, width=100, height=100)
    library.add("middle.jpg", vector=DOG, phash=base ^ (0b111 << 60), width=50, height=50)
    library.add("looks else.jpg", vector=CAT, phash=base)
    library.add("hash else.jpg", vector=DOG, phash=base ^ 0xFFFF_FFFF)
    library.add("pending.jpg", embedded=False, phash=base)
    assert groups(library) == [["large.jpg", "middle.jpg", "small.jpg"]]
    assert groups(library, max_distance=2) == []
    assert groups(library, max_distance=3, min_cosine=0.99) == [["large.jpg", "middle.jpg", "small.jpg"]]
    assert groups(library, max_distance=3, min_cosine=0.9999) == [["middle.jpg", "small.jpg"]]
    assert len(groups(library, max_distance=16, min_cosine=-1)[0]) == 4


def test_deleted_photos_are_in_no_group(library: Any) -> None:
    library.add("a.jpg", vector=DOG, phash=7)
    library.catalog.photos.delete([library.add("b.jpg", vector=DOG, phash=7)])
    assert groups(library) == []


def test_groups_are_paged_the_largest_first(library: Any) -> None:
    for group in range(5):
        for member in range(2 + group):
            library.add(f"{group} {member}.jpg", vector=DOG, phash=(group * 0x1111_1111_1111_1111) ^ (1 << member))
    index, sizes, token = index_of(library), [], ""
    while True:
        page = list_near_duplicates(library.catalog, index, EVERYTHING, max_distance=4, page_size=2, page_token_text=token)
        sizes.append([len(group) for group in page.groups])
        token = page.next_page_token
        if not token:
            break
    assert sizes == [[6, 5], [4, 3], [2]]
    token = list_near_duplicates(library.catalog, index, EVERYTHING, max_distance=4, page_size=2).next_page_token
    with pytest.raises(InvalidInput):
        list_near_duplicates(library.catalog, index, EVERYTHING, max_distance=5, page_size=2, page_token_text=token)


def test_the_pages_of_a_list_are_found_once_and_are_of_one_list(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{group} {member}.jpg" for group in range(4) for member in range(2)]
    ids = [library.add(name, vector=DOG, phash=int(name[0]) * 0x1111_1111_1111_1111) for name in names]
    index, last, found = index_of(library), LastDuplicates(), []
    monkeypatch.setattr("soutu_services.search.duplicates.near_hashes", lambda *given: found.append(given) or near_hashes(*given))

    def page(token: str, **limits: Any) -> DuplicatePage:
        limits = {"max_distance": 4, "page_size": 1, **limits}
        return list_near_duplicates(library.catalog, index, EVERYTHING, page_token_text=token, last=last, **limits)

    shown, token = [], ""
    for number in range(4):
        answer = page(token)
        shown += [[photo.photo_id for photo in group] for group in answer.groups]
        token = answer.next_page_token
        if number == 0:  # a person deletes what is on the first page: nothing is left out of the next
            second = token
            library.catalog.photos.delete(shown[0])
    assert len(found) == 1
    assert sorted(one for group in shown for one in group) == sorted(ids)
    assert len(page("", page_size=200).groups) == 3, "the first page is always new"
    page("", max_distance=5)
    assert page(second).groups, "another list was asked for meanwhile: it is found again"
    assert len(found) == 4


def test_many_equal_photos_are_one_group(library: Any) -> None:
    for number in range(150):
        library.add(f"{number}.jpg", vector=near(DOG, 0.001 * (number % 7)), phash=2**63 + 5)
    library.add("same hash, other look.jpg", vector=CAT, phash=2**63 + 5)
    assert [len(group) for group in groups(library)] == [150]


def test_without_an_index_there_are_no_groups(library: Any) -> None:
    assert list_near_duplicates(library.catalog, None, EVERYTHING).groups == ()


@pytest.mark.parametrize(
    "limits", [{"max_distance": 17}, {"max_distance": -1}, {"min_cosine": float("nan")}, {"page_size": 0}, {"page_size": 201}]
)
def test_refuses_limits_that_cannot_be_right(library: Any, limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        list_near_duplicates(library.catalog, None, EVERYTHING, **limits)
