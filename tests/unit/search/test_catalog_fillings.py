"""Spaces beside the one that serves: how far they are filled, what their models refuse, the way back, and forgetting one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.catalog import Catalog, Filling, Space
from soutu_services.search.catalog.schema import MIGRATIONS
from soutu_services.search.model import Photo, PhotoState, UnreadableReason
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32
OTHER = "6" * 32
THIRD = "7" * 32


def test_progress_counts_what_is_left_refused_and_passed_over(library: Any) -> None:
    embedded, refused, aside, left, waiting = _photos(library, "embedded refused aside left")
    _register(library, OTHER)
    _put(library, OTHER, embedded)
    library.catalog.fillings.refuse(OTHER, [refused])
    library.add("broken.jpg", "broken", unreadable=UnreadableReason.BROKEN)
    library.catalog.photos.delete([library.add("deleted.jpg", "deleted")])
    progress = library.catalog.fillings.progress
    assert progress(OTHER, [aside]) == Filling(photos=5, left=2, left_ready=1, refused=1, passed_over=1)
    assert [photo_id for _, photo_id in library.catalog.embeddings.pending(OTHER, 9)] == [aside, left, waiting]
    assert progress(SPACE) == Filling(photos=5, left=1, left_ready=0, refused=0, passed_over=0)


def test_what_a_space_refuses_stays_as_it_is_until_that_space_serves(library: Any) -> None:
    photo_id, *_ = _photos(library, "one two")
    _register(library, OTHER)
    library.catalog.fillings.refuse(OTHER, [photo_id])
    library.catalog.fillings.refuse(OTHER, [photo_id])
    assert _photo(library.catalog, photo_id).state is PhotoState.READY

    library.catalog.embeddings.set_serving_space(OTHER)
    photo = _photo(library.catalog, photo_id)
    assert (photo.state, photo.unreadable) == (PhotoState.UNREADABLE, UnreadableReason.MODEL_FAILED)
    library.catalog.embeddings.set_serving_space(SPACE)
    assert _photo(library.catalog, photo_id).state is PhotoState.READY


def test_what_the_serving_model_refuses_is_offered_to_another(library: Any) -> None:
    *_, waiting = _photos(library, "one")
    library.catalog.fillings.refuse(SPACE, [waiting])
    _register(library, OTHER)
    assert waiting in [photo_id for _, photo_id in library.catalog.embeddings.pending(OTHER, 9)]
    _put(library, OTHER, waiting)
    assert _photo(library.catalog, waiting).state is PhotoState.UNREADABLE
    library.catalog.embeddings.set_serving_space(OTHER)
    assert _photo(library.catalog, waiting).state is PhotoState.READY
    library.catalog.embeddings.set_serving_space(SPACE)
    assert _photo(library.catalog, waiting).unreadable is UnreadableReason.MODEL_FAILED, "and is not asked for again"


def test_a_vector_that_comes_after_a_refusal_takes_it_back(library: Any) -> None:
    *_, waiting = _photos(library, "one")
    library.catalog.fillings.refuse(SPACE, [waiting])
    library.catalog.embeddings.put(SPACE, [waiting], library.vector("x")[None])
    assert _photo(library.catalog, waiting).state is PhotoState.READY
    assert library.catalog.fillings.progress(SPACE).refused == 0


def test_refused_photos_are_tried_again_when_told_so(library: Any) -> None:
    photo_id, *_ = _photos(library, "one")
    _register(library, OTHER)
    library.catalog.fillings.refuse(OTHER, [photo_id])
    library.catalog.fillings.try_refused_again(OTHER)
    assert photo_id in [found for _, found in library.catalog.embeddings.pending(OTHER, 9)]


def test_the_space_before_is_the_one_that_served_last_whatever_the_clock_says(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = library.catalog.embeddings
    assert embeddings.space_before() is None
    for space in (OTHER, THIRD):
        _register(library, space)
    assert embeddings.space_before() is None, "what never served is no way back"
    embeddings.set_serving_space(OTHER)
    assert embeddings.space_before().space_id == SPACE
    monkeypatch.setattr("soutu_services.search.catalog.embeddings.now_milliseconds", lambda: 1)
    embeddings.set_serving_space(THIRD)
    assert embeddings.space_before().space_id == OTHER
    embeddings.set_serving_space(OTHER)
    assert library.reopen().embeddings.space_before().space_id == THIRD


def test_forgetting_a_space_leaves_the_others_and_is_no_way_back(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.fillings._BATCH", 2)
    photos = _photos(library, "one two three four five")
    _register(library, OTHER)
    _put(library, OTHER, *photos)
    with pytest.raises(FailedPrecondition, match="SPACE_SERVES"):
        library.catalog.fillings.forget(SPACE)
    library.catalog.embeddings.set_serving_space(OTHER)
    assert library.catalog.fillings.forget(SPACE) == 5
    assert [space.space_id for space in library.catalog.embeddings.spaces()] == [OTHER]
    assert library.catalog.embeddings.space_before() is None
    assert library.catalog.counts().ready == 6
    with pytest.raises(FailedPrecondition):
        library.catalog.fillings.forget(SPACE)


def test_purging_a_photo_forgets_that_it_was_refused(library: Any) -> None:
    photo_id, *_ = _photos(library, "one")
    _register(library, OTHER)
    library.catalog.fillings.refuse(OTHER, [photo_id])
    library.catalog.photos.delete([photo_id])
    library.catalog.photos.purge()
    assert library.catalog.fillings.progress(OTHER).refused == 0
    assert library.catalog.fillings.forget(OTHER) == 0


def test_refusals_of_an_older_catalog_belong_to_the_space_that_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    with monkeypatch.context() as older:
        older.setattr("soutu_services.search.catalog.database.MIGRATIONS", MIGRATIONS[:1])
        Catalog.open(path).close()
    with closing(sqlite3.connect(path)) as old:
        old.execute(f"INSERT INTO spaces VALUES (1, '{SPACE}', 'lite', 'onnx', 4, 1, 7)")
        old.execute(
            "INSERT INTO photos (photo_id, state, unreadable_reason, present, read_at, added_at, pending_since, sort_at, "
            f"size_bytes) VALUES ('{'1' * 32}', 'UNREADABLE', 'MODEL_FAILED', 1, 1, 1, 1, '', 1)"
        )
        old.commit()
    with Catalog.open(path) as catalog:
        assert catalog.fillings.progress(SPACE).refused == 1
        catalog.embeddings.register_space(OTHER, model="other", variant="test", dimension=4)
        catalog.embeddings.set_serving_space(OTHER)
        assert _photo(catalog, "1" * 32).state is PhotoState.PENDING
        before = catalog.embeddings.space_before()
        assert isinstance(before, Space)
        assert before.space_id == SPACE


def _photos(library: Any, names: str) -> list[str]:
    """Add photos that are READY, and one that waits."""
    ready = [library.add(f"{name}.jpg", name) for name in names.split()]
    return [*ready, library.add("waiting.jpg", "waiting", embedded=False)]


def _photo(catalog: Catalog, photo_id: str) -> Photo:
    return catalog.photos.get(photo_id, EVERYTHING)


def _register(library: Any, space: str) -> None:
    library.catalog.embeddings.register_space(space, model="other", variant="test", dimension=4)


def _put(library: Any, space: str, *photo_ids: str) -> None:
    library.catalog.embeddings.put(space, photo_ids, np.ones((len(photo_ids), 4), dtype=np.float32))
