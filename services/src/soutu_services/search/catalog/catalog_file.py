"""A catalog's file as a whole: copied while it is in use, and looked into before it is trusted."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput
from soutu_services.search.catalog.database import Database, statements_of
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS

__all__ = ["CatalogFacts", "copy_catalog", "inspect_catalog", "prepare_catalog", "token_rows"]

_STEP_PAGES = 1024
_LONGEST_REST_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """What a whole catalog's file is: the version of its schema, and how many photos it knows."""

    schema_version: int
    photos: int


def copy_catalog(database: Database, path: Path, *, checkpoint: Callable[[], None]) -> CatalogFacts:
    """Copy a catalog that is in use into a new file, as it is at one moment, and check the copy.

    It is SQLite's online backup (https://www.sqlite.org/backup.html) within one reading transaction: writers go on and what they
    commit meanwhile is not in it. It rests as long as it works.

    Args:
        database: The catalog.
        path: The file; there must be none.
        checkpoint: Called between steps of a few MiB; what it raises ends the copying.

    Raises:
        Overloaded: the disk is full.
        DataLoss: the catalog is damaged; what was copied must not be used.
    """
    began = time.monotonic()

    def between_steps(_status: int, _left: int, _total: int) -> None:
        nonlocal began
        checkpoint()
        time.sleep(min(time.monotonic() - began, _LONGEST_REST_SECONDS))
        began = time.monotonic()

    with database.read_apart() as reader, closing(sqlite3.connect(path, isolation_level=None)) as copy:
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on the transaction reads one state
        reader.backup(copy, pages=_STEP_PAGES, progress=between_steps)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
        if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise DataLoss(
                "CATALOG_DAMAGED",
                zh="图库目录文件已损坏，没有做备份；请从以前的备份恢复",
                en="the library's catalog file is damaged, so there is no backup of it; restore an earlier one",
            )
        return _facts(copy)


def inspect_catalog(path: Path) -> CatalogFacts:
    """Look into a file that should be a catalog of this or an older soutu, all of it, without changing it.

    Raises:
        InvalidInput: it is none, or it is damaged.
        FailedPrecondition: it is a newer soutu's.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise _foreign()
            facts = _facts(connection)
            if facts.schema_version > len(MIGRATIONS):
                raise FailedPrecondition(
                    "BACKUP_TOO_NEW",
                    zh="这个备份是更新版本的搜图做的，请升级搜图后再恢复",
                    en="this backup was made by a newer soutu; upgrade soutu, then restore it",
                )
            if _objects(connection) != _objects_of_version(facts.schema_version):
                raise _foreign()
            if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise _damaged()
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise _damaged()
            return facts
    except sqlite3.DatabaseError as error:
        raise _damaged() from error


def prepare_catalog(path: Path, *, tokens: Sequence[Mapping[str, Any]] = ()) -> None:
    """Make a file that ``inspect_catalog`` found good ready to take the present catalog's place, and flush it.

    Args:
        path: The file.
        tokens: Rows of the tokens that are valid now, or were revoked; with none, those in the file stay.
    """
    database = Database(path)
    try:
        with database.write() as writer:
            writer.execute("UPDATE objects SET missing = 0 WHERE missing > 0")  # a person's word was about another day
            writer.execute("DELETE FROM index_snapshots")
            if tokens:
                writer.execute("DELETE FROM tokens")
                names = list(tokens[0])
                writer.executemany(
                    f"INSERT INTO tokens ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                    [[row[name] for name in names] for row in tokens],
                )
    finally:
        database.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def token_rows(path: Path) -> list[dict[str, Any]]:
    """Read the tokens, revoked ones too, of a catalog that nobody uses; none if it is not there, has none, or is damaged."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:  # its log may hold the last
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM tokens ORDER BY id")]
    except sqlite3.DatabaseError:
        return []


def _facts(connection: sqlite3.Connection) -> CatalogFacts:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    photos = connection.execute("SELECT count(*) FROM photos WHERE present = 1 AND deleted_at IS NULL").fetchone()[0]
    return CatalogFacts(version, int(photos))


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Gather tables by name, and what does something by itself, triggers and views, by its text too."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return {(kind, name, (sql or "") if kind in ("trigger", "view") else "") for kind, name, sql in rows}


def _objects_of_version(version: int) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for script in MIGRATIONS[:version]:
            for statement in statements_of(script):
                connection.execute(statement)
        return _objects(connection)


def _foreign() -> InvalidInput:
    return InvalidInput(
        "NOT_A_BACKUP", zh="这不是搜图的备份，没有改动任何东西", en="this is no backup of soutu; nothing was changed"
    )


def _damaged() -> InvalidInput:
    return InvalidInput(
        "BACKUP_DAMAGED",
        zh="备份已损坏，没有改动任何东西；请用另一个备份",
        en="the backup is damaged; nothing was changed. Use another one",
    )
