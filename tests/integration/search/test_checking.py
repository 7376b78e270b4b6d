"""Checks: each way in which the parts of a library can come apart is found, named, mended, and then gone."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from search_house import SearchHouse, photo_id_of, picture
from soutu_client import Job, JobState
from soutu_client.cli.main import run

_RED = picture("红", 1)
_PHOTO = photo_id_of(_RED)
_GREEN = picture("绿", 2)
_DELETED = photo_id_of(_GREEN)


@pytest.fixture
def library(house: SearchHouse) -> SearchHouse:
    """A library with a photo, and one that is deleted."""
    house.upload("夏天/红.png", _RED)
    house.upload("绿.png", _GREEN)
    house.settled()
    house.client.delete([_DELETED])
    house.client.annotate([_PHOTO], caption="海边", add_tags=["假期"])
    assert house.sync().state is JobState.SUCCEEDED
    return house


def _check(house: SearchHouse, **options: bool) -> Job:
    job = list(house.client.watch_job(house.client.start_check(**options).job_id, timeout_seconds=120))[-1]
    assert job.state is JobState.SUCCEEDED
    return job


def _found(job: Job) -> dict[str, tuple[int, int]]:
    return {found.kind: (found.count, found.repaired) for found in job.findings}


def _in_catalog(house: SearchHouse, *statements: str) -> None:
    with closing(sqlite3.connect(house.folder / "data" / "catalog.sqlite3", timeout=120)) as catalog:
        for statement in statements:
            catalog.execute(statement)
        catalog.commit()


def _remove_file(house: SearchHouse) -> None:
    house.upload("秋天/蓝.png", picture("蓝", 4))  # a source that lists nothing at all waits for a person's word
    house.settled()
    house.bucket("photos").remove("夏天/红.png")


def _change_file(house: SearchHouse) -> None:
    house.bucket("photos").put("夏天/红.png", picture("蓝", 3, size=(41, 31)))


def _add_file(house: SearchHouse) -> None:
    house.bucket("photos").put("neu.png", picture("蓝", 3))


def _lose_recycled(house: SearchHouse) -> None:
    house.bucket("recycle").remove(f"photos/{_DELETED}/绿.png")


def _leave_copy(house: SearchHouse) -> None:
    house.bucket("recycle").put(f"photos/{_PHOTO}/夏天/红.png", _RED)


def _forget_recycled(house: SearchHouse) -> None:
    _in_catalog(house, "DELETE FROM recycled")


def _lose_thumbnail(house: SearchHouse) -> None:
    house.bucket("thumbnails").remove(f"{_PHOTO[:2]}/{_PHOTO}.jpg")


def _tear_thumbnail(house: SearchHouse) -> None:
    key = f"{_PHOTO[:2]}/{_PHOTO}.jpg"
    whole = house.bucket("thumbnails").read(key, max_bytes=1 << 20)
    house.bucket("thumbnails").put(key, whole[:-9] + bytes(9))


def _orphan_thumbnail(house: SearchHouse) -> None:
    house.bucket("thumbnails").put(f"00/{'0' * 32}.jpg", b"\xff\xd8\xff\xd9")


def _harm_index(house: SearchHouse) -> None:
    index = house.service._index.current
    assert index is not None
    ids, vectors = index.vectors(index.ids())
    index.add(ids, -vectors)
    index.add(np.array([9999]), vectors[:1])


def _harm_state(house: SearchHouse) -> None:  # to one that nothing but a check looks at
    _in_catalog(house, "UPDATE photos SET state = 'UNREADABLE' WHERE deleted_at IS NULL")


def _harm_vector(house: SearchHouse) -> None:
    _in_catalog(house, "UPDATE embeddings SET vector = zeroblob(8) WHERE id = 1")


def _harm_presence(house: SearchHouse) -> None:
    _in_catalog(house, "UPDATE names SET present = 0", "UPDATE photos SET present = 0")


def _harm_words(house: SearchHouse) -> None:
    _in_catalog(house, "DELETE FROM words WHERE field = 'CAPTION'", "DELETE FROM word_index WHERE rowid = 1")


def _harm_word_index(house: SearchHouse) -> None:
    _in_catalog(house, "DELETE FROM word_index_data WHERE id > 10")


def _break_reference(house: SearchHouse) -> None:
    _in_catalog(house, "INSERT INTO tags (photo, tag) VALUES (777, 'niemand')")


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_remove_file, "OBJECT_MISSING"),
        (_change_file, "OBJECT_CHANGED"),
        (_add_file, "OBJECT_NEW"),
        (_lose_recycled, "RECYCLED_MISSING"),
    ],
)
def test_what_others_did_to_the_store_is_found_and_taken_over(
    library: SearchHouse, harm: Callable[[SearchHouse], None], kind: str
) -> None:
    harm(library)
    stored = library.keys("photos") | library.keys("recycle")
    assert _found(_check(library)) == {kind: (1, 0)}
    assert _found(_check(library, repair=True)) == {kind: (1, 1)}
    library.settled()
    assert _found(_check(library, read_contents=True)) == {}
    assert library.keys("photos") | library.keys("recycle") == stored


def test_what_came_apart_is_found_and_mended_and_no_original_is_touched(library: SearchHouse) -> None:
    assert _found(_check(library, read_contents=True)) == {}
    stored = library.keys("photos") | library.keys("recycle")
    for harm, kind, count in (
        (_leave_copy, "RECYCLED_UNKNOWN", 1),
        (_forget_recycled, "RECYCLED_UNKNOWN", 1),
        (_lose_thumbnail, "THUMBNAIL_MISSING", 1),
        (_tear_thumbnail, "THUMBNAIL_BROKEN", 1),
        (_orphan_thumbnail, "THUMBNAIL_ORPHANED", 1),
        (_harm_index, "INDEX_WRONG", 3),
        (_harm_state, "STATE_WRONG", 1),
        (_harm_vector, "VECTOR_BROKEN", 1),
        (_harm_presence, "PRESENCE_WRONG", 1),
        (_harm_words, "WORDS_WRONG", 1),
        (_harm_word_index, "WORDS_WRONG", 1),
        (_break_reference, "REFERENCE_BROKEN", 1),
    ):
        harm(library)
        found = _found(_check(library))
        assert found.pop(kind) == (count, 0), harm
        assert set(found) <= {"REFERENCE_BROKEN", "STATE_WRONG", "WORDS_WRONG", "INDEX_WRONG"}, harm  # which may follow from it
        assert _found(_check(library, repair=True))[kind] == (count, count), harm
        library.settled()
        assert _found(_check(library)) == {}, harm
        assert library.keys("photos") | library.keys("recycle") == stored, harm
        assert library.found("海边")[0] == _PHOTO, harm
        assert len(library.client.thumbnail(_PHOTO).image) > 100, harm
    assert library.client.undelete([_DELETED])


def test_broken_vector_keeps_no_service_from_starting(library: SearchHouse) -> None:
    _harm_vector(library)
    library.stop()
    (library.folder / "data" / "index.snapshot").unlink()
    library.start()
    assert library.client.status().index.vectors == 1
    assert _found(_check(library, repair=True))["VECTOR_BROKEN"] == (1, 1)
    library.settled()
    assert library.client.status().index.vectors == 2


def test_content_that_went_bad_is_found_by_reading_it_and_put_back_while_its_bytes_are_kept(library: SearchHouse) -> None:
    path = library.store.folder / library.bucket("photos").bucket / "夏天" / "红.png"
    times = path.stat()
    path.write_bytes(_RED[:-20] + bytes(20))
    import os

    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # a disk that forgets does not say so
    assert _found(_check(library)) == {}
    assert _found(_check(library, read_contents=True)) == {"CONTENT_DIFFERS": (1, 0)}
    assert _found(_check(library, read_contents=True, repair=True)) == {"CONTENT_DIFFERS": (1, 1)}
    assert path.read_bytes() == _RED
    for segment in (library.folder / "data" / "journal").glob("*.log"):
        segment.write_bytes(b"")
    path.write_bytes(_RED[:-20] + bytes(20))
    library.sync()
    changed = _found(_check(library, read_contents=True, repair=True))
    assert set(changed) <= {"CONTENT_DIFFERS", "OBJECT_CHANGED"}
    assert path.read_bytes() != _RED  # nothing is made up


def test_file_in_the_recycle_bucket_that_nobody_knows_is_reported_and_stays(library: SearchHouse) -> None:
    library.bucket("recycle").put("fremd.png", picture("蓝", 9))
    assert _found(_check(library, repair=True)) == {"RECYCLED_UNKNOWN": (1, 0)}
    assert "fremd.png" in library.keys("recycle")


def test_nothing_is_mended_by_the_word_of_a_damaged_catalog(library: SearchHouse) -> None:
    _in_catalog(
        library,
        "UPDATE contents SET photo = NULL, purged_at = 1 WHERE sha256 LIKE '" + _DELETED + "%'",  # as if it had been purged
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'IS NOT NULL', 'IS NULL') WHERE name = 'photos_taken'",
        "PRAGMA schema_version = 9999",
    )
    _orphan_thumbnail(library)
    stored = {name: library.keys(name) for name in ("photos", "recycle", "thumbnails")}
    found = _found(_check(library, repair=True))
    assert found["CATALOG_DAMAGED"][0] > 0
    assert not any(repaired for _, repaired in found.values())
    assert {name: library.keys(name) for name in stored} == stored


def test_check_while_the_store_is_away_says_what_it_did_not_see(
    start_house: Callable[..., SearchHouse], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from object_store import serve_folder

    with serve_folder(tmp_path_factory.mktemp("own-s3")) as store:
        house = start_house(object_server=store)
        house.upload("红.png", _RED)
        house.settled()
        store.stop()
        assert _found(_check(house, repair=True)) == {"SOURCE_UNREADABLE": (3, 0)}
        store.start_again()


def test_check_that_runs_begins_again_when_more_is_asked_of_it(
    start_house: Callable[..., SearchHouse], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from object_store import serve_folder

    with serve_folder(tmp_path_factory.mktemp("own-s3")) as store:
        house = start_house(object_server=store)
        house.upload("红.png", _RED)
        house.settled()
        _lose_thumbnail(house)
        store.process.send_signal(signal.SIGSTOP)  # so that it is not at its end yet
        try:
            asked = house.client.start_check()
            more = house.client.start_check(repair=True)
        finally:
            store.process.send_signal(signal.SIGCONT)
        assert more.job_id == asked.job_id
        job = list(house.client.watch_job(more.job_id, timeout_seconds=120))[-1]
        assert job.state is JobState.SUCCEEDED
        assert _found(job) == {"THUMBNAIL_MISSING": (1, 1)}
        house.settled()
        assert _found(_check(house)) == {}


def test_command_tells_what_is_left_and_ends_with_1_until_nothing_is(
    library: SearchHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--address", library.address, "--language", "en", "check"]) == 0
    assert "everything agrees" in capsys.readouterr().out
    _lose_thumbnail(library)
    assert run(["--address", library.address, "--language", "zh", "check"]) == 1
    said = capsys.readouterr()
    assert "缺少缩略图的照片" in said.out
    assert _PHOTO in said.out
    assert "--repair" in said.err
    assert run(["--address", library.address, "--language", "en", "check", "--repair"]) == 0
    assert "1 found, all mended" in capsys.readouterr().out
    assert run(["--address", library.address, "check", "--contents", "--json"]) == 0
    assert '"findings": []' in capsys.readouterr().out
