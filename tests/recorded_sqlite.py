"""SQLite with every write to its files recorded, and the files as a power cut may leave them.

A file system promises that what was written before an fsync is there after a power cut. What was written later may be there, may
be missing, in any order, and a write may be torn between sectors (Pillai et al., "All File Systems Are Not Created Equal", OSDI
2014). ``crash_state`` makes such files from the record.

The catalog speaks to Python's sqlite3; here it is given apsw, whose file system can be written in Python, in its place.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw

__all__ = ["Recording", "crash_state"]

_SECTOR = 512
_CHECKPOINT_PAGES = 24
"""Pages after which SQLite copies its log into the file: often, since that is where files could come apart."""


class Recording:
    """What happened to the files below a folder, in order: ``(what, file name, offset or size, bytes)``.

    Use ``module`` in place of sqlite3. ``synchronous`` replaces what the catalog asks for, to see what that is good for.
    """

    def __init__(self, name: str, *, synchronous: str = "") -> None:
        self.events: list[tuple[str, str, int, bytes]] = []
        self._lock = threading.Lock()
        self._vfs = _RecordingVFS(name, self)

        def connect(path: Path, **_: Any) -> _Connection:
            connection = _Connection(apsw.Connection(str(path), vfs=name), synchronous)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            return connection

        names = {name: getattr(sqlite3, name) for name in dir(sqlite3)}
        self.module = SimpleNamespace(**{**names, "connect": connect})

    def note(self, what: str, file: str, number: int = 0, data: bytes = b"") -> None:
        with self._lock:
            self.events.append((what, file, number, data))

    def rename(self, path: Path, target: Path) -> Path:
        """Rename a file, as ``Path.replace`` does."""
        path.rename(target)
        self.note("rename", path.name, 0, target.name.encode())
        return target

    def acknowledge(self, value: str) -> None:
        """Note that somebody was told that something is safe."""
        self.note("told", value)

    def close(self) -> None:
        self._vfs.unregister()


def crash_state(events: Sequence[tuple[str, str, int, bytes]], folder: Path, chance: random.Random) -> list[str]:
    """Write the files as they may be after the power went at the end of some events; return what was acknowledged by then."""
    folder.mkdir()
    durable: dict[str, bytearray] = {}
    pending: dict[str, list[tuple[str, int, bytes]]] = {}
    for what, file, number, data in events:
        if what in ("write", "truncate"):
            pending.setdefault(file, []).append((what, number, data))
        elif what == "sync":
            content = durable.setdefault(file, bytearray())
            for change in pending.pop(file, []):
                _apply(content, *change)
        elif what == "rename":  # followed by an fsync of the folder
            for files in (durable, pending):
                if file in files:
                    files[data.decode()] = files.pop(file)  # type: ignore[attr-defined]
        elif what == "delete":  # SQLite waits for the folder as well
            durable.pop(file, None)
            pending.pop(file, None)
    for file, changes in pending.items():
        content = durable.setdefault(file, bytearray())
        for change in _survivors(changes, chance):
            _apply(content, *change)
    for file, content in durable.items():
        if not file.endswith("-shm"):
            (folder / file).write_bytes(content)
    return [file for what, file, _, _ in events if what == "told"]


def _survivors(changes: list[tuple[str, int, bytes]], chance: random.Random) -> Iterator[tuple[str, int, bytes]]:
    """Choose which of the changes that nothing was waited for have reached the disk, whole or in part."""
    kept = chance.choice((0.0, 0.5, 0.9, 1.0))
    for what, number, data in changes:
        if chance.random() >= kept:
            continue
        if what == "write" and len(data) > _SECTOR and chance.random() < 0.3:
            for start in range(0, len(data), _SECTOR):
                if chance.random() < 0.5:
                    yield what, number + start, data[start : start + _SECTOR]
        else:
            yield what, number, data


def _apply(content: bytearray, what: str, number: int, data: bytes) -> None:
    if what == "truncate":
        del content[number:]
        return
    content.extend(bytes(max(0, number - len(content))))
    content[number : number + len(data)] = data


class _RecordingVFS(apsw.VFS):
    def __init__(self, name: str, recording: Recording) -> None:
        super().__init__(name, base="")
        self._recording = recording

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - named by apsw
        return _RecordingFile(name, flags, self._recording)

    def xDelete(self, filename: str, sync: bool) -> None:  # noqa: N802 - named by apsw
        super().xDelete(filename, sync)
        self._recording.note("delete", Path(filename).name)


class _RecordingFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], recording: Recording) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path).name if path else "temporary"
        self._recording = recording

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - named by apsw
        self._recording.note("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - named by apsw
        self._recording.note("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - named by apsw
        super().xSync(flags)
        self._recording.note("sync", self._name)


class _Row(tuple[Any, ...]):
    """A row by position and by name."""

    names: Sequence[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> Sequence[str]:
        return self.names


class _Rows:
    """What a statement gave, as a cursor of sqlite3 shows it."""

    def __init__(self, rows: list[_Row], rowcount: int, lastrowid: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount
        self.lastrowid = lastrowid

    def __iter__(self) -> Iterator[_Row]:
        return self._rows

    def fetchone(self) -> _Row | None:
        return next(self._rows, None)

    def fetchall(self) -> list[_Row]:
        return list(self._rows)


class _Connection:
    """As much of a connection of sqlite3 as the catalog uses."""

    row_factory: Any = None

    def __init__(self, connection: apsw.Connection, synchronous: str) -> None:
        self._connection = connection
        self._synchronous = synchronous

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        return self._connection.total_changes()

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], *, deterministic: bool = False) -> None:
        self._connection.create_scalar_function(name, function, arguments, deterministic=deterministic)

    def execute(self, sql: str, parameters: Any = ()) -> _Rows:
        if self._synchronous and sql.startswith("PRAGMA synchronous"):
            sql = f"PRAGMA synchronous = {self._synchronous}"
        cursor = self._connection.cursor()
        before = self._connection.total_changes()
        cursor.execute(sql, parameters)
        try:
            names = [column[0] for column in cursor.get_description()]
        except apsw.ExecutionCompleteError:
            names = []
        kind = type("Row", (_Row,), {"names": names})
        rows = [kind(row) for row in cursor]
        changed = self._connection.changes() if self._connection.total_changes() != before else 0
        return _Rows(rows, changed, self._connection.last_insert_rowid())

    def executemany(self, sql: str, many: Iterable[Any]) -> None:
        self._connection.cursor().executemany(sql, many)

    def close(self) -> None:
        self._connection.close()
