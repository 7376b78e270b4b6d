"""Power cuts at any moment of the journal's and the snapshot's writing, replayed over copies with what was not flushed harmed."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from recorded_files import RecordedFolder, crashed_folder
from scanning_policy import policies
from soutu_services.search import index_snapshot, write_journal
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy
from soutu_services.search.journal_records import WritePlace
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.write_journal import WriteJournal

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_CRASHES = 50
_WRITES = 40
_SAVES = 6
_SPACE, _DIMENSION = "space", 40
_POLICY = IndexPolicy()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _journal(folder: Path, boot: str) -> WriteJournal:
    return WriteJournal(folder, keep_seconds=100, max_bytes=200_000, boot=boot)


def _breaks_off(data: bytes) -> Iterator[bytes]:
    yield data
    raise RuntimeError("the sender is gone")


def _recorded_journal(folder: Path, monkeypatch: pytest.MonkeyPatch, waits: Sequence[str]) -> tuple[RecordedFolder, set[str]]:
    """Keep writes, some of which break off, over several segments of which the oldest go. Return what went, too."""
    monkeypatch.setattr(write_journal, "_SEGMENT_BYTES", 30_000)
    folder.mkdir()
    record = RecordedFolder(folder, waits=waits)
    chance = random.Random(4)
    with record.recording():
        journal = _journal(folder, "one")
        for number in range(_WRITES):
            data = chance.randbytes(chance.choice((0, 10, 700, 9_000, 40_000)))
            place = WritePlace("photos", f"夏天\n{number}.jpg", _digest(data), len(data))
            if number % 5 == 3:
                with pytest.raises(RuntimeError):
                    journal.append([(place, _breaks_off(data[: len(data) // 2]))])
            elif number % 5 == 4:
                journal.append_stream("", place.key, [data])
                record.tell(place.sha256)
            else:
                journal.append([(place, [data]), (WritePlace("photos", "second", _digest(b"2"), 1), [b"2"])])
                record.tell(place.sha256)
            journal.drop_old()
        kept = {write.place.sha256 for write in journal.writes()}
        journal.close()
    return record, {event.name for event in record.events if event.what == "told"} - kept


def _lost_by_the_journal(record: RecordedFolder, dropped: set[str], tmp_path: Path) -> int:
    """Cut the power at moments that chance chooses; count what was acknowledged, was not dropped, and is not given back."""
    chance = random.Random(5)
    lost = 0
    for number in range(_CRASHES):
        folder = tmp_path / f"crash-{number}"
        told = set(crashed_folder(record.events[: chance.randrange(len(record.events))], folder, chance)) - dropped
        journal = _journal(folder, "two")
        kept = {write.place.sha256 for write in journal.writes() if _opens(journal, write.place.sha256)}
        lost += len(told - kept if journal.is_doubtful else told)  # without a doubt, nothing would be put back
        later = b"later" + bytes([number])
        journal.append([(WritePlace("photos", "later", _digest(later), len(later)), [later])])
        journal.close()
        again = _journal(folder, "three")  # what comes later follows no torn end
        assert {one for one in (*kept, _digest(later)) if not _opens(again, one)} == set()
        again.close()
    return lost


def _opens(journal: WriteJournal, sha256: str) -> bool:
    """Whether the journal gives a content back; what it gives is compared with its digest."""
    for write in journal.writes():
        if write.place.sha256 == sha256 and (file := write.open()) is not None:
            with file:
                assert _digest(file.read(write.place.size_bytes)) == sha256
            return True
    return False


def test_journal_gives_back_what_it_acknowledged_after_a_power_cut_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, dropped = _recorded_journal(tmp_path / "journal", monkeypatch, ("file", "folder"))
    assert dropped
    assert sum(event.what == "make" for event in record.events) > 3
    assert _lost_by_the_journal(record, dropped, tmp_path) == 0


@pytest.mark.parametrize("waits", [("file",), ("folder",)], ids=["not for the folder", "not for the file"])
def test_journal_that_did_not_wait_for_the_disk_would_be_found_to_lose_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: Sequence[str]
) -> None:
    record, dropped = _recorded_journal(tmp_path / "journal", monkeypatch, waits)
    assert _lost_by_the_journal(record, dropped, tmp_path) > 0


def _recorded_snapshots(
    folder: Path, waits: Sequence[str], policy: IndexPolicy = _POLICY
) -> tuple[RecordedFolder, list[tuple[int, Path]]]:
    """Save the index again and again while the library changes. Return copies of the catalog, and from which event each is."""
    folder.mkdir()
    (folder / "snapshot").mkdir()
    record = RecordedFolder(folder / "snapshot", waits=waits)
    copies: list[tuple[int, Path]] = []
    chance = np.random.default_rng(6)
    with Catalog.open(folder / "catalog.sqlite3") as catalog:
        catalog.embeddings.register_space(_SPACE, model="m", variant="v", dimension=_DIMENSION)
        snapshot = folder / "snapshot" / "index.snapshot"
        index = LibraryIndex(catalog, snapshot=snapshot, on_made=lambda _: None, policy=policy)
        index.load()
        for save in range(_SAVES):
            ids = []
            for number in range(30):
                sha256 = f"{save * 100 + number:064x}"[::-1]
                ids.append(catalog.objects.put("photos", sha256, etag="", size_bytes=1, modified_at=_NOW, sha256=sha256).photo_id)
            vectors = chance.standard_normal((len(ids), _DIMENSION)).astype(np.float32)
            index.put(_SPACE, ids, vectors)
            catalog.photos.delete(ids[:3])
            index.remove(catalog.photos.purge(ids[:3]).embedding_ids)
            copies.append((len(record.events), _copied(folder, f"before-{save}")))
            with record.recording():
                if save % 2:  # else what is new is beside the base, and in the snapshot
                    index.rebuild()
                index.save()
            copies.append((len(record.events), _copied(folder, f"after-{save}")))
    return record, copies


def _copied(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    for path in folder.glob("catalog.sqlite3*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, folder / name)
    return folder / name / "catalog.sqlite3"


def _loaded_after_power_cuts(
    record: RecordedFolder, copies: list[tuple[int, Path]], tmp_path: Path, policy: IndexPolicy = _POLICY
) -> tuple[int, int, int]:
    """Count the indexes that were made from a snapshot, those that were made anew, and those that are not the catalog's."""
    chance = random.Random(8)
    kept = anew = wrong = 0
    for number in range(_CRASHES):
        folder = tmp_path / f"crash-{number}"
        at = chance.randrange(len(record.events) + 1)
        crashed_folder(record.events[:at], folder, chance)
        catalog_file = folder / "catalog.sqlite3"
        latest = max(range(len(copies)), key=lambda each: (copies[each][0] <= at, copies[each][0]))
        for path in copies[latest][1].parent.iterdir():
            shutil.copy(path, catalog_file.with_name(path.name))
        with Catalog.open(catalog_file) as catalog:
            index = LibraryIndex(catalog, snapshot=folder / "index.snapshot", on_made=lambda _: None, policy=policy)
            index.load()
            is_kept = index.unsaved < index.summary[1]
            kept, anew = kept + is_kept, anew + (not is_kept)
            wrong += bool(len(index.differences()))
    return kept, anew, wrong


def test_snapshot_is_whole_or_passed_over_after_a_power_cut_at_any_moment(tmp_path: Path) -> None:
    kept, anew, wrong = _loaded_after_power_cuts(*_recorded_snapshots(tmp_path / "live", ("file", "folder")), tmp_path)
    assert wrong == 0
    assert kept > _CRASHES // 10
    assert anew > 0


def test_snapshot_that_did_not_wait_for_the_disk_is_passed_over_as_well(tmp_path: Path) -> None:
    kept, anew, wrong = _loaded_after_power_cuts(*_recorded_snapshots(tmp_path / "live", ()), tmp_path)
    assert wrong == 0
    assert anew > _CRASHES // 4
    assert kept > 0


def test_snapshot_that_is_not_compared_with_its_checksum_would_be_found_to_be_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Same:
        def __init__(self, data: bytes = b"") -> None: ...

        def update(self, data: object) -> None: ...

        def digest(self) -> bytes:
            return bytes(32)

    monkeypatch.setattr(index_snapshot.hashlib, "sha256", _Same)
    record, copies = _recorded_snapshots(tmp_path / "live", ("folder",))
    _, _, wrong = _loaded_after_power_cuts(record, copies, tmp_path)
    assert wrong > 0


@pytest.mark.parametrize("name", policies(0))
def test_base_and_snapshot_go_together_or_are_passed_over_after_a_power_cut_at_any_moment(tmp_path: Path, name: str) -> None:
    policy = policies(loose_vectors=35)[name]
    record, copies = _recorded_snapshots(tmp_path / "live", ("file", "folder"), policy)
    kinds = [event.what for event in record.events if event.name.endswith(".base") or event.to.endswith(".base")]
    assert kinds.count("rename") == _SAVES // 2
    assert kinds.count("remove") == _SAVES // 2 - 1
    kept, anew, wrong = _loaded_after_power_cuts(record, copies, tmp_path, policy)
    assert wrong == 0
    assert kept > _CRASHES // 10
    assert anew > 0


def test_base_that_did_not_wait_for_the_disk_is_passed_over_as_well(tmp_path: Path) -> None:
    policy = policies(loose_vectors=35)["fast-scan"]
    kept, anew, wrong = _loaded_after_power_cuts(*_recorded_snapshots(tmp_path / "live", (), policy), tmp_path, policy)
    assert wrong == 0
    assert anew > _CRASHES // 4
    assert kept > 0
