"""The SQLite file: connections, transactions, migrations, and what its errors mean to a person."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from soutu_services.runtime.errors import DataLoss, FailedPrecondition, Overloaded, SoutuError
from soutu_services.search.aside_file import ASIDE_SUFFIX, sync_folder
from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.catalog.pairs import stem_of
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS
from soutu_services.search.imaging.name_time import local_time, time_in_name
from soutu_services.search.metrics import DISK_REFUSALS

__all__ = ["Database", "statements_of"]

_BUSY_TIMEOUT_SECONDS = 30.0
_MOST_IDLE = 8
"""Connections that stay open although nobody reads: a new one must learn the schema first."""
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_STEMS_SINCE = 10
"""The version that brought names without their extensions, which SQL cannot tell."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Database:
    """One SQLite file in WAL mode: one connection that writes, behind a lock, and one for each reading that is under way.

    A connection that has been read from waits for the next reading, whichever thread's that is; only a few wait. Readers never
    wait for the writer and see what was committed last. A commit is on the disk when it returns (``synchronous=FULL``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock = threading.RLock()
        self._changes = 0
        self._reading = threading.local()
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._closed = False
        with _explained():
            _make_or_refuse(path)
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that writes: committed at the end, undone if the block raises. One at a time; nests.

        Raises:
            Overloaded: the disk is full.
            DataLoss: the file is damaged.
        """
        with self._write_lock, _explained():
            connection = self._writer
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            rows = connection.total_changes
            try:
                yield connection
                connection.execute("COMMIT")
                self._changes += connection.total_changes != rows
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def changes(self) -> int:
        """How many transactions have changed anything since the file was opened.

        What was read after this was asked for is still so while the number is the same: it moves after the commit.
        """
        return self._changes

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that reads one consistent state. It nests.

        Raises:
            DataLoss: the file is damaged.
        """
        same: sqlite3.Connection | None = getattr(self._reading, "connection", None)
        with _explained():
            if same is not None:
                yield same
                return
            connection = self._check_out()
            try:
                connection.execute("BEGIN")
                self._reading.connection = connection
                try:
                    yield connection
                finally:
                    self._reading.connection = None
                    connection.execute("ROLLBACK")
            finally:
                self._check_in(connection)

    @contextmanager
    def read_apart(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that reads one consistent state, all of the file if need be: it maps nothing into memory."""
        with _explained():
            connection = self._connect()
            try:
                connection.execute("PRAGMA mmap_size = 0")
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()

    def close(self) -> None:
        """Close every connection; the file holds all that was committed. No call may be under way."""
        with self._idle_lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._writer.close()  # last: it folds the write-ahead log into the file

    def _check_out(self) -> sqlite3.Connection:
        with self._idle_lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the catalog is closed")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _check_in(self, connection: sqlite3.Connection) -> None:
        with self._idle_lock:
            if not (self._closed or connection.in_transaction or len(self._idle) >= _MOST_IDLE):
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("time_in_name", 1, _time_in_name)
            connection.create_function("local_time", 1, _local_time)
            connection.create_function("folder_of", 1, _folder_of, deterministic=True)
            connection.create_function("folder_of_both", 2, _folder_of_both, deterministic=True)
            connection.create_function("stem_of", 1, stem_of, deterministic=True)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA mmap_size = 268435456")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            raise FailedPrecondition(
                "CATALOG_TOO_NEW",
                zh="这个图库是由更新版本的搜图建立的，请升级搜图后再打开",
                en="this library was made by a newer soutu; upgrade soutu, then open it again",
            )
        self._writer.execute("PRAGMA journal_mode = WAL")
        with self.write() as connection:
            _bring_to_present(connection)
            if version < _STEMS_SINCE <= len(MIGRATIONS):
                connection.execute("UPDATE objects SET stem = stem_of(key) WHERE stem IS NULL")

    def _version(self) -> int:
        return _version_of(self._writer)


def _version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bring_to_present(connection: sqlite3.Connection) -> None:
    version = _version_of(connection)
    for step, script in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements_of(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _make_or_refuse(path: Path) -> None:
    """Make the file of a new catalog, whole before it has its name: an empty one, then, is what a fault left of a catalog.

    SQLite would take that for new, and drop the write-ahead log beside it.
    """
    if path.exists():
        if path.stat().st_size == 0:
            raise _damaged()
        return
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise _damaged()
    aside = path.with_name(path.name + ASIDE_SUFFIX)
    for leftover in (aside, aside.with_name(f"{aside.name}-journal")):
        leftover.unlink(missing_ok=True)
    connection = sqlite3.connect(aside, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        _bring_to_present(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()
    aside.replace(path)
    sync_folder(path.parent)


def statements_of(script: str) -> Iterator[str]:
    """Split a script: ``executescript`` would commit before each step is whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


@lru_cache(maxsize=1 << 16)  # a guest's listing asks it of each name, for each page
def _time_in_name(name: str) -> str | None:
    found = time_in_name(name)
    return found.isoformat() if found is not None else None


def _local_time(milliseconds: int | None) -> str | None:
    try:
        return local_time(from_milliseconds(milliseconds)).isoformat() if milliseconds is not None else None
    except (OverflowError, ValueError):  # a year that the calendar here does not have
        return None


def _folder_of(path: str | None) -> str | None:
    return path.rpartition("/")[0] if path is not None else None


def _folder_of_both(folder: str, other: str) -> str:
    """Tell the deepest folder that holds both; it is one of them if that holds the other."""
    shared = takewhile(lambda parts: parts[0] == parts[1], zip(folder.split("/"), other.split("/"), strict=False))
    return "/".join(part for part, _ in shared)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn SQLite's errors that a person can do something about into the service's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        explained = _explain(error)
        if explained is None:
            raise
        raise explained from error


def _explain(error: sqlite3.DatabaseError) -> SoutuError | None:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _FULL:
        DISK_REFUSALS.inc()
        return Overloaded(
            "DISK_FULL",
            zh="图库所在磁盘写不进去，请检查剩余空间后重试",
            en="the library's disk does not take more; check its free space and try again",
        )
    if code in _DAMAGED:
        return _damaged()
    return None


def _damaged() -> DataLoss:
    return DataLoss(
        "CATALOG_DAMAGED",
        zh="图库目录文件已损坏，没有改动它。请停止搜索服务，把备份改名为 restore.tar 放进数据文件夹，再启动",
        en="the library's catalog file is damaged and was left as it is. Stop the search service, put a backup into the data "
        "folder under the name restore.tar, and start again",
    )
