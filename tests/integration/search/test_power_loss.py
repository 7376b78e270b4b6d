"""Power cuts: catalog, snapshot and journal as a disk may have them afterwards, and uploads that the store lost."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from object_store import ObjectServer
from recorded_sqlite import Recording, crash_state
from search_house import SearchHouse, eventually, photo_id_of, picture
from soutu_client import UnavailableError
from soutu_services.search.catalog import AnnotationChange, Catalog, database
from soutu_services.search.index_snapshot import BadSnapshot, SnapshotHead, read_snapshot, write_snapshot
from soutu_services.search.journal_records import WritePlace
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.write_journal import WriteJournal

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_PHOTOS = 24
_CRASHES = 40


def test_catalog_holds_every_acknowledged_commit_after_a_power_cut_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _recorded(tmp_path, monkeypatch, synchronous="")
    assert [file for what, file, _, _ in recording.events if what == "write"].count("catalog.sqlite3") > _PHOTOS  # checkpoints
    assert _lost(recording, tmp_path, crashes=_CRASHES) == 0


def test_catalog_that_did_not_wait_for_the_disk_would_be_found_to_lose_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _recorded(tmp_path, monkeypatch, synchronous="NORMAL")
    assert _lost(recording, tmp_path, crashes=10) > 0


def _recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, synchronous: str) -> Recording:
    """Take photos in, embed, caption, delete and purge some, with what happens to the files recorded."""
    recording = Recording(f"recording {tmp_path.name}", synchronous=synchronous)
    monkeypatch.setattr(database, "sqlite3", recording.module)

    def replace(path: Path, target: Path) -> Path:
        return recording.rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "live").mkdir()
    catalog = Catalog.open(tmp_path / "live" / "catalog.sqlite3")
    catalog.embeddings.register_space("space", model="m", variant="v", dimension=64)
    chance = np.random.default_rng(1)
    for number in range(_PHOTOS):
        sha256 = f"{number:064x}"
        photo_id = catalog.objects.put(
            "photos", f"夏天/{number}.jpg", etag="", size_bytes=9, modified_at=_NOW, sha256=sha256[::-1]
        ).photo_id
        recording.acknowledge(f"photo {photo_id}")
        catalog.embeddings.put("space", [photo_id], chance.standard_normal((1, 64)).astype(np.float32))
        catalog.annotations.annotate([photo_id], AnnotationChange(caption=f"说明 {number}", add_tags=("海",)))
        recording.acknowledge(f"caption {photo_id} 说明 {number}")
        if number % 5 == 4:
            catalog.photos.delete([photo_id])
            recording.acknowledge(f"deleted {photo_id}")
    catalog.close()
    monkeypatch.undo()
    recording.close()
    return recording


def _lost(recording: Recording, tmp_path: Path, *, crashes: int) -> int:
    """Cut the power at moments that chance chooses; count what was acknowledged and is not there. What is there must be sound."""
    chance = random.Random(7)
    first = next(at for at, event in enumerate(recording.events) if event[0] == "told")
    lost = 0
    for number in range(crashes):
        folder = tmp_path / f"crash-{number}"
        told = crash_state(recording.events[: chance.randrange(first, len(recording.events))], folder, chance)
        with Catalog.open(folder / "catalog.sqlite3") as catalog:
            rules = catalog.verification
            assert rules.damage() == []
            assert rules.broken_references(repair=False) == ([], 0)
            for rule in (rules.broken_vectors, rules.wrong_presence, rules.wrong_states, rules.wrong_words):
                assert rule(repair=False) == []
        lost += len(set(told) - _facts(folder))
    return lost


def _facts(folder: Path) -> set[str]:
    import sqlite3

    catalog = sqlite3.connect(folder / "catalog.sqlite3")
    try:
        facts = {f"photo {row[0]}" for row in catalog.execute("SELECT photo_id FROM photos WHERE present = 1")}
        facts |= {f"deleted {row[0]}" for row in catalog.execute("SELECT photo_id FROM photos WHERE deleted_at IS NOT NULL")}
        captions = "SELECT p.photo_id, a.caption FROM annotations a JOIN photos p ON p.id = a.photo"
        return facts | {f"caption {photo_id} {caption}" for photo_id, caption in catalog.execute(captions)}
    finally:
        catalog.close()


def test_snapshot_is_flushed_before_it_takes_its_place_and_its_place_is_flushed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        order.append(f"flush {Path(f'/proc/self/fd/{descriptor}').resolve().name}")
        fsync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        order.append(f"rename {self.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", replaced)
    folder = tmp_path / "folder"
    folder.mkdir()
    write_snapshot(folder / "index.snapshot", SnapshotHead("s", 2, "m"), [])
    if Path("/proc/self/fd").exists():
        assert order == ["flush index.snapshot.part", "rename index.snapshot.part", "flush folder"]
    assert [path.name for path in folder.iterdir()] == ["index.snapshot"]


@pytest.fixture
def small_library(tmp_path: Path) -> Callable[[], LibraryIndex]:
    """Make a catalog with some embeddings, and give indexes of it that are loaded from the snapshot."""
    catalog = Catalog.open(tmp_path / "catalog.sqlite3")
    catalog.embeddings.register_space("space", model="m", variant="v", dimension=8)
    ids = [
        catalog.objects.put("photos", f"{n}.jpg", etag="", size_bytes=1, modified_at=_NOW, sha256=f"{n:064x}"[::-1]).photo_id
        for n in range(30)
    ]
    catalog.embeddings.put("space", ids, np.random.default_rng(2).standard_normal((30, 8)).astype(np.float32))

    def load() -> LibraryIndex:
        index = LibraryIndex(catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None)
        index.load()
        assert len(index.differences()) == 0
        return index

    load.catalog = catalog  # type: ignore[attr-defined]
    return load


def _from_snapshot(index: LibraryIndex) -> bool:
    return index.unsaved == 0


def test_index_is_loaded_from_its_snapshot_and_caught_up(small_library: Callable[[], LibraryIndex]) -> None:
    small_library().save()
    assert _from_snapshot(small_library())
    catalog: Catalog = small_library.catalog  # type: ignore[attr-defined]
    photo_id = f"{3:064x}"[::-1][:32]
    catalog.photos.delete([photo_id])
    catalog.photos.purge([photo_id])
    catalog.embeddings.put("space", [f"{4:064x}"[::-1][:32]], np.ones((1, 8), np.float32))
    index = small_library()  # compares itself with the catalog
    assert index.summary == ("flat", 29)
    assert index.unsaved == 1


@pytest.mark.parametrize("harm", ["cut", "hole", "flip", "grown", "empty", "foreign", "newer"])
def test_harmed_snapshot_is_passed_over_and_the_index_made_anew(
    small_library: Callable[[], LibraryIndex], tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    small_library().save()
    path = tmp_path / "index.snapshot"
    whole = path.read_bytes()
    chance = random.Random(3)
    cases = {
        "cut": [whole[: chance.randrange(len(whole))] for _ in range(20)],
        "hole": [whole[:at] + bytes(64) + whole[at + 64 :] for at in (200, 600, 1000)],
        "flip": [whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :] for at in chance.sample(range(len(whole)), 30)],
        "grown": [whole + b"\0"],
        "empty": [b"", b"{}\n", b"[1]\n", b"\xff\xfe\n"],
        "foreign": [whole.replace(b'"space_id": "space"', b'"space_id": "other"')],
        "newer": [whole.replace(b'"version": 1', b'"version": 2')],
    }[harm]
    for case in cases:
        path.write_bytes(case)
        caplog.clear()
        with caplog.at_level("INFO"):
            assert not _from_snapshot(small_library())
        assert sum("not from its snapshot" in record.message for record in caplog.records) == 1


def test_snapshot_of_a_catalog_that_was_put_back_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    photo_ids = [f"{n:064x}"[::-1][:32] for n in range(3)]

    def taken_in(n: int, vector: float) -> Catalog:
        catalog = Catalog.open(path)
        catalog.embeddings.register_space("space", model="m", variant="v", dimension=2)
        catalog.objects.put("photos", f"{n}.jpg", etag="", size_bytes=1, modified_at=_NOW, sha256=f"{n:064x}"[::-1])
        catalog.embeddings.put("space", [photo_ids[n]], np.array([[vector, 1]], np.float32))
        return catalog

    taken_in(0, 0.0).close()
    backup = path.read_bytes()
    with taken_in(1, 5.0) as catalog:
        index = LibraryIndex(catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None)
        index.load()
        index.save()
    path.write_bytes(backup)  # ids that were given since are given once more
    with taken_in(2, -5.0) as catalog:
        index = LibraryIndex(catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None)
        index.load()
        assert len(index.differences()) == 0


def test_snapshot_that_names_more_than_it_holds_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "index.snapshot"
    write_snapshot(path, SnapshotHead("s", 4096, "m"), [])
    head = path.read_bytes().partition(b"\n")[0]
    path.write_bytes(head + b"\n" + (1 << 19).to_bytes(4, "little"))
    with pytest.raises(BadSnapshot, match="torn"):
        list(read_snapshot(path, "s", 4096, is_known=lambda _: True))


def test_journal_gives_back_every_write_that_it_acknowledged_however_it_is_torn(tmp_path: Path) -> None:
    import hashlib

    journal = WriteJournal(tmp_path / "journal", keep_seconds=100, max_bytes=1 << 30, boot="one")
    segment: Path | None = None
    ends = []
    for number in range(6):
        data = bytes([number]) * (50 * number)
        journal.append([(WritePlace("photos", f"{number}\n.jpg", hashlib.sha256(data).hexdigest(), len(data)), [data])])
        (segment,) = (tmp_path / "journal").glob("*.log")
        ends.append(segment.stat().st_size)
    journal.close()
    assert segment is not None
    whole = segment.read_bytes()
    for cut in range(0, len(whole), 7):
        segment.write_bytes(whole[:cut] + bytes(40))  # the end of a file may be a hole after a power cut
        again = WriteJournal(tmp_path / "journal", keep_seconds=100, max_bytes=1 << 30, boot="two")
        assert again.is_doubtful
        kept = [write for write in again.writes() if (file := write.open()) is not None and file.close() is None]
        assert len(kept) >= sum(end <= cut for end in ends)
        assert [write.place.key for write in kept] == [f"{number}\n.jpg" for number in range(len(kept))]


@pytest.mark.parametrize("harm", ["gone", "short", "hole"])
def test_upload_that_the_store_lost_in_a_power_cut_is_put_back(
    house: SearchHouse, object_server: ObjectServer, harm: str
) -> None:
    small, large = picture("红", 1), picture("绿", 2) + b"\0" * (9 << 20)
    photos = [house.upload("夏天/小.png", small), house.upload("大.png", large)]
    removed = picture("蓝", 3)
    house.upload("删除.png", removed)
    house.settled()
    house.client.delete([photo_id_of(removed)])
    house.stop()
    for name in ("photos", "recycle", "thumbnails"):
        folder = object_server.folder / house.bucket(name).bucket
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            _harm(path, harm)
    (house.folder / "data" / "journal" / "boot").write_text("another run of the machine")
    house.start()
    for photo_id, data in zip(photos, (small, large), strict=True):
        eventually(lambda photo_id=photo_id, data=data: _bytes_of(house, photo_id) == data)  # type: ignore[misc]
    house.settled()
    eventually(lambda: _undeleted(house, photo_id_of(removed)))
    assert _bytes_of(house, photo_id_of(removed)) == removed
    assert house.client.thumbnail(photos[0]).image[:2] == b"\xff\xd8"
    assert house.sync().state.value == "SUCCEEDED"
    assert house.listed() == {*photos, photo_id_of(removed)}
    assert house.client.status().objects == 3


def _undeleted(house: SearchHouse, photo_id: str) -> bool:
    try:
        return bool(house.client.undelete([photo_id]))
    except UnavailableError:
        return False  # until everything that was written of late is in its place


def _harm(path: Path, harm: str) -> None:
    if harm == "gone":
        path.unlink()
    elif harm == "short":
        path.write_bytes(path.read_bytes()[:20])
    else:
        path.write_bytes(bytes(path.stat().st_size))


def _bytes_of(house: SearchHouse, photo_id: str) -> bytes:
    target = house.folder / "saved"
    target.unlink(missing_ok=True)
    try:
        with house.client.read_original(photo_id) as original:
            return b"".join(original)
    except Exception as error:  # noqa: BLE001 - it is not back yet
        return repr(error).encode()


def test_upload_that_was_moved_since_is_not_put_back_where_it_was(house: SearchHouse) -> None:
    data = picture("红", 1)
    photo_id = house.upload("alt.png", data)
    house.settled()
    bucket = house.bucket("photos")
    bucket.copy_to("alt.png", bucket, "neu.png")
    bucket.remove("alt.png")
    house.sync()
    house.stop()
    (house.folder / "data" / "journal" / "boot").write_text("another run of the machine")
    house.start()
    house.sync()
    assert house.keys("photos") == {"neu.png"}
    assert house.listed() == {photo_id}
