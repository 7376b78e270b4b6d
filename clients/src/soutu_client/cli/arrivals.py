"""Which files of a followed folder are new, whole, and not dealt with yet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from soutu_client._walk import FoundFile, Walk, walk_part

__all__ = ["Arrivals", "is_being_written"]

_Signature = tuple[int, int]
"""Size, and when it was last written: another content under the same name differs in one of them."""


@dataclass
class _Waiting:
    """A file that may not be whole yet, and since when it looks as it does now."""

    file: FoundFile
    since: float


class Arrivals:
    """Keeps what is known of each file below one folder. Forgets nothing because a disk is away, and deletes nothing."""

    def __init__(self, folder: Path, *, settle_seconds: float) -> None:
        """Begin with an empty memory.

        Args:
            folder: What is followed.
            settle_seconds: How long a file must look the same before it counts as whole.
        """
        self._folder = folder
        self._settle_seconds = settle_seconds
        self._handled: dict[Path, _Signature] = {}
        self._waiting: dict[Path, _Waiting] = {}
        self._failed: dict[Path, int] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether some file may become whole soon; an empty one is waited for without haste."""
        return any(waiting.file.size_bytes for waiting in self._waiting.values())

    @property
    def handled(self) -> int:
        """How many files were dealt with."""
        return len(self._handled)

    def look(self, paths: Iterable[Path] | None = None, *, is_first: bool = False) -> list[tuple[Path, OSError]]:
        """Look at some paths, or at the whole folder, and return what could not be looked at.

        Args:
            paths: Below the folder; None: all of it.
            is_first: Files that were there before and that nobody writes to are taken as whole at once.
        """
        problems = []
        for path in [self._folder] if paths is None else paths:
            found: Walk = walk_part(path, added=self._folder)
            problems += [(where, error) for where, error in found.problems if not isinstance(error, FileNotFoundError)]
            for file in found.files:
                self._see(file, is_old=is_first and time.time() - file.modified_ns / 1e9 > self._settle_seconds)
        return problems

    def take_whole(self, most: int) -> list[FoundFile]:
        """Return files that have been the same for long enough and that nobody writes to, as dealt with from now on."""
        whole: list[FoundFile] = []
        now = time.monotonic()
        for path, waiting in list(self._waiting.items()):
            if len(whole) == most:
                break
            if now - waiting.since < self._settle_seconds:
                continue
            try:
                status = path.stat()
            except OSError:  # gone again, or renamed: then it is seen under its new name
                del self._waiting[path]
                continue
            if (status.st_size, status.st_mtime_ns) != _signature(waiting.file):
                file = FoundFile(path, waiting.file.name, status.st_size, status.st_mtime_ns)
                self._waiting[path] = _Waiting(file, now)
            elif status.st_size and not is_being_written(path):  # an empty one is a name that somebody will write to
                del self._waiting[path]
                self._handled[path] = _signature(waiting.file)
                whole.append(waiting.file)
            else:
                waiting.since = now
        return whole

    def put_back(self, file: FoundFile) -> None:
        """Take back that a file was dealt with: it is offered again when it has been the same for long enough."""
        self._handled.pop(file.path, None)
        self._waiting[file.path] = _Waiting(file, time.monotonic())

    def forget(self, file: FoundFile) -> None:
        """Take back that a file was dealt with, since it is gone: it is new when it comes back, with its disk for instance."""
        self._handled.pop(file.path, None)

    def note_failure(self, file: FoundFile) -> None:
        """Note that a file could not be added: it is offered again when anything about it changes, its permissions too."""
        self._failed[file.path] = _changed_ns(file.path)

    def _see(self, file: FoundFile, *, is_old: bool) -> None:
        if self._handled.get(file.path) == _signature(file):
            if file.path not in self._failed or self._failed[file.path] == _changed_ns(file.path):
                return
            del self._failed[file.path]
        waiting = self._waiting.get(file.path)
        if waiting is None or _signature(waiting.file) != _signature(file):
            since = time.monotonic() - (self._settle_seconds if is_old else 0)
            self._waiting[file.path] = _Waiting(file, since)


def _signature(file: FoundFile) -> _Signature:
    return file.size_bytes, file.modified_ns


def _changed_ns(path: Path) -> int:
    """Return when anything about a file changed, its name and permissions included; 0: it is gone."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0


def is_being_written(path: Path) -> bool:
    """Whether a program has the file open for writing, where the system says so; else False.

    Linux lends a file for reading alone only while nobody writes to it (fcntl(2), F_SETLEASE). Where it does not tell, for
    another user's file or on a network disk, size and time have to do.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False  # adding it says what is wrong
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
