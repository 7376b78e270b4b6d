"""The index in step with the catalog, whatever fails between the two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soutu_services.search.index import FlatIndex
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import PhotoState
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32


@pytest.fixture
def index(library: Any, tmp_path: Any) -> LibraryIndex:
    made = LibraryIndex(library.catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None)
    made.load()
    return made


def state_of(library: Any, photo_id: str) -> PhotoState:
    state: PhotoState = library.catalog.photos.get(photo_id, EVERYTHING).state
    return state


def test_a_photo_is_in_the_index_before_anyone_sees_that_it_is_ready(
    library: Any, index: LibraryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    seen: list[PhotoState] = []
    add = FlatIndex.add

    def add_and_look(self: FlatIndex, *arguments: Any) -> None:
        add(self, *arguments)
        seen.append(state_of(library, photo_id))  # as another reader: what is committed

    monkeypatch.setattr(FlatIndex, "add", add_and_look)
    index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert seen == [PhotoState.PENDING]
    assert state_of(library, photo_id) is PhotoState.READY
    assert index.summary[1] == 1


def test_what_the_catalog_does_not_keep_is_not_in_the_index(
    library: Any, index: LibraryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    add = FlatIndex.add

    def add_and_fail(self: FlatIndex, *arguments: Any) -> None:
        monkeypatch.undo()
        add(self, *arguments)
        raise MemoryError

    monkeypatch.setattr(FlatIndex, "add", add_and_fail)
    with pytest.raises(MemoryError):
        index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert state_of(library, photo_id) is PhotoState.PENDING
    assert index.summary[1] == 0
    index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert index.summary[1] == 1
    assert len(index.differences()) == 0


def test_another_embedding_takes_the_place_of_the_one_before(library: Any, index: LibraryIndex) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    for content in ("a", "b"):
        index.put(SPACE, [photo_id], library.vector(content)[np.newaxis])
    assert index.summary[1] == 1
    assert len(index.differences()) == 0
