"""The SQLite file: connections, transactions, migrations, and what its errors mean to a person."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soutu_services.runtime.errors import DataLoss, FailedPrecondition, Overloaded, SoutuError
from soutu_services.search.catalog.schema import APPLICATION_ID, MIGRATIONS

__all__ = ["Database"]

_BUSY_TIMEOUT_SECONDS = 30.0
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Database:
    """One SQLite file in WAL mode: one connection that writes, behind a lock, and one for each thread that reads.

    Readers never wait for the writer and see what was committed last. A commit is on the disk when it returns
    (``synchronous=FULL``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock = threading.RLock()
        self._readers = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        self._closed = False
        try:
            with _explained():
                self._writer = self._connect()
                self._prepare()
        except BaseException:
            self.close()
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
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that reads one consistent state. It nests.

        Raises:
            DataLoss: the file is damaged.
        """
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        with _explained():
            if connection is None:
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                self._readers.connection = connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close every connection; the file holds all that was committed. No call may be under way."""
        with self._connections_lock:
            self._closed = True
            connections, self._connections = self._connections, []
        for connection in reversed(connections):  # the writer last: it folds the write-ahead log into the file
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        with self._connections_lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the catalog is closed")
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA mmap_size = 268435456")
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
            for step, script in enumerate(MIGRATIONS[self._version() :], start=self._version() + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _version(self) -> int:
        return int(self._writer.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script: ``executescript`` would commit before each step is whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


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
        return Overloaded(
            "DISK_FULL",
            zh="图库所在磁盘写不进去，请检查剩余空间后重试",
            en="the library's disk does not take more; check its free space and try again",
        )
    if code in _DAMAGED:
        return DataLoss(
            "CATALOG_DAMAGED",
            zh="图库目录文件已损坏，请从备份恢复",
            en="the library's catalog file is damaged; restore it from a backup",
        )
    return None
