from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, Overloaded
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.schema import MIGRATIONS
from soutu_services.search.model import Filter
from soutu_services.search.visibility import EVERYTHING


def test_refuses_a_catalog_of_a_newer_soutu(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(FailedPrecondition) as refusal:
        Catalog.open(path)
    assert refusal.value.reason == "CATALOG_TOO_NEW"


def test_refuses_a_file_that_is_no_catalog(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(DataLoss):
        Catalog.open(path)


def test_commits_are_durable_and_checked(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.db")
    with database.write() as connection:
        modes = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    database.close()
    assert modes == ["wal", 2, 1]


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    Catalog.open(path).close()
    broken = (*MIGRATIONS, "CREATE TABLE half (id INTEGER) STRICT;\nCREATE TABLE photos (id INTEGER) STRICT;\n")
    monkeypatch.setattr("soutu_services.search.catalog.database.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError):
        Catalog.open(path)
    monkeypatch.undo()
    with Catalog.open(path) as catalog:
        assert catalog.counts().photos == 0
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    connection.close()


def test_a_later_step_is_taken_by_an_older_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    Catalog.open(path).close()
    later = (*MIGRATIONS, "ALTER TABLE photos ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;\n")
    monkeypatch.setattr("soutu_services.search.catalog.database.MIGRATIONS", later)
    database = Database(path)
    with database.read() as reader:
        assert reader.execute("PRAGMA user_version").fetchone()[0] == len(later)
        assert reader.execute("SELECT stars FROM photos").fetchall() == []
    database.close()


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.db")
    with pytest.raises(RuntimeError), database.write() as writer:
        writer.execute("INSERT INTO source_syncs (source, synced_at) VALUES ('a', 1)")
        with database.write() as same:
            same.execute("INSERT INTO source_syncs (source, synced_at) VALUES ('b', 1)")
        raise RuntimeError
    with database.read() as reader:
        assert reader.execute("SELECT * FROM source_syncs").fetchall() == []
    database.close()


def test_a_full_disk_is_told_and_costs_only_what_was_not_committed(library: Any) -> None:
    library.add("before.jpg", "before")
    with library.catalog._database.write() as writer:
        pages = writer.execute("PRAGMA page_count").fetchone()[0]
        writer.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(Overloaded) as full:
        for number in range(1000):
            library.add(f"folder {number}/{number}.jpg", str(number))
    assert full.value.reason == "DISK_FULL"
    catalog = library.reopen()
    assert catalog.photos.get(library.photo_id("before"), EVERYTHING).photo_id
    library.add("after.jpg", "after")


def test_readers_go_on_while_a_transaction_is_open(library: Any) -> None:
    library.add("a.jpg", "a")
    totals: list[int] = []
    with library.catalog._database.write() as writer:
        writer.execute("DELETE FROM words")
        thread = threading.Thread(target=lambda: totals.append(len(library.catalog.words.search("a", Filter(), EVERYTHING))))
        thread.start()
        thread.join(timeout=PATIENCE)
    assert totals == [1]
    assert library.catalog.words.search("a", Filter(), EVERYTHING) == []


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from soutu_services.search.catalog import Catalog\n"
        "from soutu_services.search.model import JobKind\n"
        "catalog = Catalog.open(pathlib.Path(sys.argv[1]))\n"
        "print(catalog.jobs.create(JobKind.SYNC).job_id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "catalog.db"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == -9
    with Catalog.open(path) as catalog:
        assert [job.job_id for job in catalog.jobs.unfinished()] == [done.stdout.strip()]


def test_threads_that_ended_leave_no_connection_open(library: Any) -> None:
    def read() -> None:
        library.catalog.counts()

    def open_files() -> int:
        return sum("catalog.db" in str(link.resolve()) for link in Path("/proc/self/fd").iterdir())

    read()
    before = open_files()
    for _ in range(30):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert open_files() == before


def test_readings_at_the_same_time_leave_only_some_connections_open(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.db")
    together = threading.Barrier(20)

    def read() -> None:
        with database.read() as outer, database.read() as inner:
            assert inner is outer
            together.wait(PATIENCE)

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(database._idle) <= 8
    with database.read() as reader, pytest.raises(sqlite3.OperationalError):
        reader.execute("INSERT INTO source_syncs (source, synced_at) VALUES ('a', 1)")
    database.close()


def test_a_reading_that_fails_spoils_no_later_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.db")
    with pytest.raises(RuntimeError), database.read():
        raise RuntimeError
    with database.read() as reader:
        assert reader.in_transaction
    database.close()
