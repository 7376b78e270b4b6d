"""The file of a backup: refused unless it is whole, ours and not newer; then made ready to take the catalog's place."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from search_house import picture
from soutu_services.runtime.access import Scope
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput, Overloaded
from soutu_services.search.backup_archive import Manifest, archive_parts, file_digest
from soutu_services.search.backups import Backups
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.database import statements_of
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.restoring import take_over_restored


class Kept:
    """A catalog in its data folder, and what makes and takes backups of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = DataFolder.open(folder)
        self.catalog = Catalog.open(self.folder.catalog)
        self.is_staged = False
        self.backups = Backups(self.catalog, self.folder, on_staged=self._staged)

    def _staged(self) -> None:
        self.is_staged = True

    def write(self, name: str) -> None:
        self.catalog.jobs.record_synced(name, datetime(2024, 5, 1, tzinfo=UTC))

    @property
    def written(self) -> set[str]:
        return set(self.catalog.jobs.synced_times())

    def backup(self) -> bytes:
        with self.backups.make(is_wanted=lambda: True) as made:
            data = b"".join(made.parts)
            assert made.total_bytes == len(data)
            return data

    def reopen(self) -> None:
        self.close()
        self.folder = DataFolder.open(self.folder.catalog.parent)
        take_over_restored(self.folder)
        self.catalog = Catalog.open(self.folder.catalog)

    def close(self) -> None:
        self.catalog.close()
        self.folder.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "data")
    with made.catalog.transaction():
        for number in range(2000):
            made.write(f"source {number}")
    yield made
    made.close()


@pytest.fixture
def backup(kept: Kept, tmp_path: Path) -> Path:
    (tmp_path / "backup").write_bytes(kept.backup())
    return tmp_path / "backup"


def test_a_catalog_that_changes_while_it_is_copied_is_copied_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.catalog_file._STEP_PAGES", 4)
    steps = 0
    with Catalog.open(tmp_path / "catalog") as catalog:

        def write(number: int) -> None:
            catalog.jobs.record_synced(f"source {number}", datetime(2024, 5, 1, tzinfo=UTC))

        def write_meanwhile() -> None:
            nonlocal steps
            steps += 1
            write(1000 + steps)

        for number in range(50):
            write(number)
        catalog.copy_to(tmp_path / "copy", checkpoint=write_meanwhile)
        assert len(catalog.jobs.synced_times()) == 50 + steps
    assert steps > 3
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT count(*) FROM source_syncs").fetchone() == (50,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _rewritten(backup: Path, change: Callable[[Path], None], **manifest: object) -> bytes:
    """Make a backup of the same shape, with its catalog and its manifest changed and the digest right again."""
    with tarfile.open(backup) as archive:
        catalog = backup.with_name("rewritten.sqlite3")
        catalog.write_bytes(archive.extractfile("catalog.sqlite3").read())  # type: ignore[union-attr]
        before = Manifest.model_validate_json(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
    change(catalog)
    after = before.model_copy(
        update={"catalog_bytes": catalog.stat().st_size, "catalog_sha256": file_digest(catalog), **manifest}
    )
    return b"".join(archive_parts(after, catalog))


def _sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as catalog:
            for statement in statements:
                catalog.execute(statement)

    return change


def _tear_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-12288:-4096] = bytes(8192)
    path.write_bytes(data)


def _tar(*members: tuple[str, bytes, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, data in members:
            header = tarfile.TarInfo(name)
            header.type, header.size, header.linkname = kind, len(data), "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


def _huge(backup: Path) -> bytes:
    """Announce a petabyte: no disk has room for it, and it is not begun."""
    with tarfile.open(backup) as archive:
        manifest = Manifest.model_validate_json(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
    empty = backup.with_name("empty")
    empty.touch()
    huge = manifest.model_copy(update={"catalog_bytes": 1 << 50})
    parts = archive_parts(huge, empty)
    return next(parts) + next(parts) + bytes(100_000)


_BAD: dict[str, Callable[[Path], bytes]] = {
    "nothing": lambda backup: b"",
    "text": lambda backup: b"this is no archive\n" * 1000,
    "a picture": lambda backup: picture("红"),
    "cut in its head": lambda backup: backup.read_bytes()[:700],
    "cut off": lambda backup: backup.read_bytes()[:-50_000],
    "without its end": lambda backup: backup.read_bytes()[:-1024],
    "one bit": lambda backup: (data := bytearray(backup.read_bytes())).__setitem__(-40_000, data[-40_000] ^ 1) or bytes(data),
    "more behind": lambda backup: backup.read_bytes() + b"more",
    "endless zeros behind": lambda backup: backup.read_bytes() + bytes(3 << 20),
    "traversal": lambda backup: _tar(("../../manifest.json", tarfile.REGTYPE, b"{}"), ("../catalog", tarfile.REGTYPE, b"x")),
    "absolute": lambda backup: _tar(("/manifest.json", tarfile.REGTYPE, b"{}")),
    "a link": lambda backup: _tar(("manifest.json", tarfile.SYMTYPE, b"")),
    "a device": lambda backup: _tar(("manifest.json", tarfile.CHRTYPE, b"")),
    "no manifest": lambda backup: _tar(("catalog.sqlite3", tarfile.REGTYPE, b"x" * 5000)),
    "a manifest of rubbish": lambda backup: _tar(("manifest.json", tarfile.REGTYPE, b"[1, 2")),
    "a manifest too long": lambda backup: _tar(("manifest.json", tarfile.REGTYPE, b" " * 100_000)),
    "torn pages, digest right": lambda backup: _rewritten(backup, _tear_pages),
    "another program's database": lambda backup: _rewritten(backup, _sql("PRAGMA application_id = 7")),
    "a table too many": lambda backup: _rewritten(backup, _sql("CREATE TABLE more (id INTEGER)")),
    "a trigger": lambda backup: _rewritten(backup, _sql("CREATE TRIGGER t AFTER INSERT ON photos BEGIN DELETE FROM photos; END")),
    "rows that belong nowhere": lambda backup: _rewritten(backup, _sql("INSERT INTO tags (photo, tag) VALUES (999, 'nowhere')")),
}


@pytest.mark.parametrize("kind", _BAD)
def test_what_is_no_whole_backup_is_refused_in_one_line_and_changes_nothing(
    kept: Kept, backup: Path, kind: str, tmp_path: Path
) -> None:
    data = _BAD[kind](backup)
    with pytest.raises(InvalidInput) as refused:
        kept.backups.restore(iter([data[begin : begin + 70_000] for begin in range(0, len(data), 70_000)]))
    assert refused.value.reason in {"NOT_A_BACKUP", "BACKUP_DAMAGED"}
    assert "\n" not in refused.value.text.en
    assert str(tmp_path) not in refused.value.text.en
    _unchanged(kept)


def test_a_size_that_no_disk_holds_is_refused_before_anything_is_written(kept: Kept, backup: Path) -> None:
    with pytest.raises(Overloaded) as refused:
        kept.backups.restore(iter([_huge(backup)]))
    assert refused.value.reason == "DISK_FULL"
    _unchanged(kept)


@pytest.mark.parametrize("newer", ["schema", "format"])
def test_a_newer_soutus_backup_is_refused(kept: Kept, backup: Path, newer: str) -> None:
    if newer == "format":
        data = _rewritten(backup, lambda _: None, format=2)
    else:
        data = _rewritten(backup, _sql(f"PRAGMA user_version = {len(MIGRATIONS) + 1}"))
    with pytest.raises(FailedPrecondition, match="newer soutu"):
        kept.backups.restore(iter([data]))
    _unchanged(kept)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_an_older_soutus_backup_is_brought_to_the_present(kept: Kept, tmp_path: Path, version: int) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old, isolation_level=None)) as catalog:
        for script in MIGRATIONS[:version]:
            for statement in statements_of(script):
                catalog.execute(statement)
        catalog.execute(f"PRAGMA user_version = {version}")
        catalog.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        catalog.execute("INSERT INTO source_syncs VALUES ('old', 0)")
    manifest = Manifest(
        soutu_version="0.0.1",
        schema_version=version,
        created_at=datetime(2020, 1, 1, tzinfo=UTC),
        photos=0,
        catalog_bytes=old.stat().st_size,
        catalog_sha256=file_digest(old),
    )
    assert kept.backups.restore(archive_parts(manifest, old)).created_at == manifest.created_at
    assert kept.is_staged
    kept.reopen()
    assert kept.written == {"old"}
    assert kept.catalog.tokens is not None


def test_it_takes_over_at_the_next_start_and_not_before(kept: Kept, backup: Path) -> None:
    kept.write("since")
    kept.backups.restore(iter([backup.read_bytes()]))
    kept.write("since then")
    assert len(kept.written) == 2002
    kept.reopen()
    assert len(kept.written) == 2000
    aside = Catalog.open(kept.folder.catalog.with_name("catalog-before-restore.sqlite3"))
    assert len(aside.jobs.synced_times()) == 2002
    aside.close()


def test_each_restore_keeps_what_was_there_before_it(kept: Kept, backup: Path) -> None:
    for _ in range(3):
        Backups(kept.catalog, kept.folder, on_staged=lambda: None).restore(iter([backup.read_bytes()]))
        kept.reopen()
    names = {path.name for path in kept.folder.catalog.parent.glob("catalog-before-restore*.sqlite3")}
    assert names == {f"catalog-before-restore{suffix}.sqlite3" for suffix in ("", "-2", "-3")}


@pytest.mark.parametrize("moves", range(6))
def test_a_crash_while_it_takes_over_is_gone_on_from(
    kept: Kept, backup: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.write("since")
    kept.backups.restore(iter([backup.read_bytes()]))
    folder = kept.folder.catalog.parent
    files = [folder / "catalog.sqlite3", folder / "catalog.sqlite3-wal"]
    held = [path.read_bytes() for path in files]  # as a kill leaves them: what was committed last is in the log alone
    kept.close()
    for path, data in zip(files, held, strict=True):
        path.write_bytes(data)
    left = moves
    replace = Path.replace

    def crash_later(self: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crash_later)
    kept.folder = DataFolder.open(folder)
    try:
        take_over_restored(kept.folder)
    except KeyboardInterrupt:
        assert moves < 3
    monkeypatch.undo()
    kept.folder.close()
    kept.folder = DataFolder.open(folder)
    take_over_restored(kept.folder)
    kept.catalog = Catalog.open(kept.folder.catalog)
    assert len(kept.written) == 2000
    aside = Catalog.open(folder / "catalog-before-restore.sqlite3")
    assert len(aside.jobs.synced_times()) == 2001
    aside.close()
    assert not list(folder.glob("catalog-before-restore-2*"))


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_backup_in_the_data_folder_brings_no_revoked_token_back_to_life(kept: Kept, tmp_path: Path, is_damaged: bool) -> None:
    lost = kept.catalog.tokens.create("secret of the lost one", name="lost", scope=Scope.READ)
    (tmp_path / "made").write_bytes(kept.backup())
    kept.catalog.tokens.revoke(lost.token_id)
    kept.catalog.tokens.create("secret of the new one", name="new", scope=Scope.ADMIN)
    (tmp_path / "made").rename(kept.folder.backup)
    if is_damaged:
        kept.catalog.close()
        kept.folder.catalog.write_bytes(b"no catalog any more")
    kept.reopen()
    names = {access.name for _, access in kept.catalog.tokens.valid()}
    assert names == ({"lost"} if is_damaged else {"new"}), "a catalog that cannot be read says of no token that it was revoked"


def test_a_backup_that_a_person_puts_into_the_data_folder_is_restored_at_the_start(kept: Kept, backup: Path) -> None:
    kept.write("since")
    backup.rename(kept.folder.backup)
    kept.reopen()
    assert len(kept.written) == 2000
    kept.write("later")
    kept.reopen()
    assert "later" in kept.written, "it is restored once"
    assert (kept.folder.backup.with_name("restored.tar")).exists()


def test_a_damaged_backup_in_the_data_folder_stops_the_start_and_changes_nothing(kept: Kept, backup: Path) -> None:
    kept.folder.backup.write_bytes(backup.read_bytes()[:-9000])
    kept.close()
    kept.folder = DataFolder.open(kept.folder.catalog.parent)
    with pytest.raises(InvalidInput, match=r"restore\.tar: the backup is cut off or damaged"):
        take_over_restored(kept.folder)
    kept.folder.backup.unlink()
    assert not take_over_restored(kept.folder)
    kept.catalog = Catalog.open(kept.folder.catalog)
    assert len(kept.written) == 2000


def test_a_damaged_catalog_is_not_backed_up_as_if_it_were_whole(kept: Kept) -> None:
    kept.catalog.close()
    _tear_pages(kept.folder.catalog)
    kept.catalog = Catalog.open(kept.folder.catalog)
    with pytest.raises(DataLoss, match="damaged"):
        Backups(kept.catalog, kept.folder, on_staged=lambda: None).make(is_wanted=lambda: True).__enter__()
    assert not kept.folder.transfers.exists()


def _unchanged(kept: Kept) -> None:
    assert not kept.is_staged
    assert not kept.folder.staged.exists()
    assert not kept.folder.transfers.exists()
    assert len(kept.written) == 2000
