"""Catalogs that came apart: mended, they are whole, can be backed up, and have lost no photo whose file is there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from soutu_services.search.catalog import AnnotationChange, Catalog
from soutu_services.search.catalog.catalog_file import inspect_catalog
from soutu_services.search.catalog.database import statements_of
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS
from soutu_services.search.model import Filter, Photo
from soutu_services.search.visibility import EVERYTHING

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_SHA256 = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalog with one photo."""
    path = tmp_path / "catalog.sqlite3"
    with Catalog.open(path) as catalog:
        photo_id = _put(catalog)
        catalog.annotations.annotate([photo_id], AnnotationChange(caption="奶奶生日"))
    return path


def _put(catalog: Catalog) -> str:
    put = catalog.objects.put("photos", "夏天/海.jpg", etag="e", size_bytes=9, modified_at=_NOW, sha256=_SHA256)
    return put.photo_id


def _break(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)


def _photos(catalog: Catalog) -> list[Photo]:
    return list(catalog.photos.list_page(Filter(), EVERYTHING, deleted=False, limit=10, page_token_text="").photos)


def _assert_sound(catalog: Catalog) -> None:
    rules = catalog.verification
    assert rules.damage() == []
    assert rules.broken_references(repair=False) == ([], 0)
    for rule in (rules.broken_vectors, rules.wrong_presence, rules.wrong_states, rules.wrong_words):
        assert rule(repair=False) == []


def test_backup_of_a_catalog_whose_words_were_mended_can_be_restored(path: Path, tmp_path: Path) -> None:
    _break(path, "DELETE FROM words WHERE field = 'CAPTION'")
    with Catalog.open(path) as catalog:
        assert catalog.verification.wrong_words(repair=True) == ["奶奶生日"]
        _assert_sound(catalog)
        catalog.copy_to(tmp_path / "copy.sqlite3", checkpoint=lambda: None)
    assert inspect_catalog(tmp_path / "copy.sqlite3").photos == 1


def test_file_whose_photo_the_catalog_has_lost_is_read_again(path: Path) -> None:
    _break(path, "UPDATE objects SET state = 'READ'", "DELETE FROM photos")
    with Catalog.open(path) as catalog:
        broken, mended = catalog.verification.broken_references(repair=True)
        assert len(broken) == mended > 0
        assert [row.key for row in catalog.objects.next_unread(10)] == ["夏天/海.jpg"]
        assert _put(catalog) == _SHA256[:32]
        assert len(_photos(catalog)) == 1
        _assert_sound(catalog)


def test_catalog_of_the_first_version_keeps_all_that_it_knows_when_it_is_brought_to_the_present(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements_of(MIGRATIONS[0]):
            connection.execute(statement)
        vector = np.ones(4, "<f2").tobytes()
        space = "INSERT INTO spaces (space_id, model, variant, dimension, serving, registered_at) VALUES ('s', 'm', 'v', 4, 1, 5)"
        connection.execute(space)
        for number in range(200):
            photo_id, sha256 = f"{number:032x}", f"{number:032x}".ljust(64, "0")
            reason = "MODEL_FAILED" if number == 7 else None
            connection.execute(
                "INSERT INTO photos (id, photo_id, state, unreadable_reason, added_at, pending_since, sort_at, size_bytes, "
                "read_at) VALUES (?, ?, ?, ?, 1, 1, '2020', 9, 2)",
                (number + 1, photo_id, "UNREADABLE" if reason else "READY", reason),
            )
            connection.execute(
                "INSERT INTO contents (id, sha256, size_bytes, photo) VALUES (?, ?, 9, ?)", (number + 1, sha256, number + 1)
            )
            connection.execute(
                "INSERT INTO objects (source, key, folder, extension, etag, size_bytes, modified_at, content, state, seen_at) "
                "VALUES ('photos', ?, '夏天', 'jpg', 'e', 9, 1, ?, 'READ', 1)",
                (f"夏天/{number}.jpg", number + 1),
            )
            connection.execute("INSERT INTO embeddings (photo, space, vector) VALUES (?, 1, ?)", (number + 1, vector))
        connection.execute("INSERT INTO annotations (photo, favourite, caption) VALUES (3, 1, '奶奶生日')")
        connection.execute("INSERT INTO jobs (job_id, kind, state, sources, started_at) VALUES ('j', 'SYNC', 'PAUSED', '[]', 1)")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA user_version = 1")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    with Catalog.open(path) as catalog:
        catalog.verification.wrong_words(repair=True)  # it was written without the words
        catalog.verification.wrong_presence(repair=True)
        _assert_sound(catalog)
        counts = catalog.counts()
        assert (counts.photos, counts.ready, counts.unreadable, counts.objects) == (200, 199, 1, 200)
        space_now = catalog.embeddings.serving_space()
        assert space_now is not None
        assert (space_now.space_id, len(catalog.embeddings.all_ids("s"))) == ("s", 200)
        assert catalog.jobs.get("j").options == ()
        (photo,) = catalog.photos.get_many([f"{2:032x}"], EVERYTHING)
        assert (photo.annotations.favourite, photo.annotations.caption) == (True, "奶奶生日")
        assert catalog.objects.present_keys("photos")[0].startswith("夏天/")
        assert catalog.missing.waiting() == {}
        catalog.copy_to(tmp_path / "copy.sqlite3", checkpoint=lambda: None)
    assert inspect_catalog(tmp_path / "copy.sqlite3").photos == 200
