"""Which files of a followed folder are new, whole, and not dealt with yet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from soutu_client._walk import FoundFile, Walk, walk_part

__all__ = ["UNTOLD_SETTLE_SECONDS", "Arrivals", "is_being_written"]

_Signature = tuple[int, int]
"""Size, and when it was last written: another content under the same name differs in one of them."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 60.0, 600.0
"""Before a file is tried again whose failure may pass, the first time and at most."""

UNTOLD_SETTLE_SECONDS = 15.0
"""How long a file must look the same at least where the system does not tell whether somebody writes to it: a copy over Wi-Fi, or
from a phone that rests, stands still for seconds."""


@dataclass
class _Waiting:
    """A file that may not be whole yet, since when it looks as it does now, and before when it is not to be tried."""

    file: FoundFile
    since: float
    not_before: float = 0.0


@dataclass
class _Failure:
    """Why a file could not be added, when anything about it had changed last, and the pause before it is tried again."""

    why: str
    changed_ns: int
    pause_seconds: float = 0.0


class Arrivals:
    """Keeps what is known of each file below one folder. Forgets nothing because a disk is away, and deletes nothing."""

    def __init__(self, folder: Path, *, settle_seconds: float) -> None:
        """Begin with an empty memory.

        Args:
            folder: What is followed.
            settle_seconds: How long a file must look the same before it counts as whole; longer where only that tells.
        """
        self._folder = folder
        self._settle_seconds = settle_seconds
        self._handled: dict[Path, _Signature] = {}
        self._waiting: dict[Path, _Waiting] = {}
        self._failed: dict[Path, _Failure] = {}
        self.is_remote = False
        """Whether the folder lies on another machine, whose writers this one does not know."""

    @property
    def is_waiting(self) -> bool:
        """Whether some file may become whole soon; an empty one, or one that failed, is waited for without haste."""
        now = time.monotonic()
        return any(waiting.file.size_bytes and waiting.not_before <= now for waiting in self._waiting.values())

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
                self._see(file, same_for_seconds=time.time() - file.modified_ns / 1e9 if is_first else 0.0)
        return problems

    def take_whole(self, most: int) -> list[FoundFile]:
        """Return files that have been the same for long enough and that nobody writes to, as dealt with from now on."""
        whole: list[FoundFile] = []
        now = time.monotonic()
        for path, waiting in list(self._waiting.items()):
            if len(whole) == most:
                break
            if now < waiting.not_before or now - waiting.since < self._settle_seconds:
                continue
            try:
                status = path.stat()
            except OSError:  # gone again, or renamed: then it is seen under its new name
                del self._waiting[path]
                self._failed.pop(path, None)
                continue
            if (status.st_size, status.st_mtime_ns) != _signature(waiting.file):
                file = FoundFile(path, waiting.file.name, status.st_size, status.st_mtime_ns)
                self._waiting[path] = _Waiting(file, now)
            elif not status.st_size:  # a name that somebody will write to
                waiting.since = now
            elif (is_written := None if self.is_remote else is_being_written(path)) is None:
                if now - waiting.since >= UNTOLD_SETTLE_SECONDS:
                    whole.append(self._taken(waiting.file))
            elif is_written:
                waiting.since = now
            else:
                whole.append(self._taken(waiting.file))
        return whole

    def _taken(self, file: FoundFile) -> FoundFile:
        del self._waiting[file.path]
        self._handled[file.path] = _signature(file)
        return file

    def put_back(self, file: FoundFile) -> None:
        """Take back that a file was dealt with: it is offered again when it has been the same for long enough."""
        self._handled.pop(file.path, None)
        self._waiting[file.path] = _Waiting(file, time.monotonic())

    def forget(self, file: FoundFile) -> None:
        """Take back that a file was dealt with, since it is gone: it is new when it comes back, with its disk for instance."""
        self._handled.pop(file.path, None)
        self._failed.pop(file.path, None)

    def note_failure(self, file: FoundFile, why: str = "", *, may_pass: bool = False) -> bool:
        """Note that a file could not be added, and say whether that is news; the same for the same reason is none.

        It is offered again when anything about it changes, its permissions too; where the failure ``may_pass`` by itself, also
        after a pause, which grows each time.
        """
        before = self._failed.get(file.path)
        failure = self._failed[file.path] = _Failure(why, _changed_ns(file.path))
        if may_pass:
            grown = 2 * before.pause_seconds if before else 0.0
            failure.pause_seconds = min(max(grown, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            self.put_back(file)
            self._waiting[file.path].not_before = time.monotonic() + failure.pause_seconds
        return before is None or before.why != why

    def note_success(self, file: FoundFile) -> None:
        """Note that a file was added, or need not be: what it failed of before is over."""
        self._failed.pop(file.path, None)

    def _see(self, file: FoundFile, *, same_for_seconds: float) -> None:
        waiting = self._waiting.get(file.path)
        is_known = _signature(file) in (self._handled.get(file.path), waiting and _signature(waiting.file))
        failure = self._failed.get(file.path)
        if is_known and (failure is None or failure.changed_ns == _changed_ns(file.path)):
            return
        self._failed.pop(file.path, None)
        since = time.monotonic() - max(same_for_seconds, 0.0)  # a clock may be wrong
        self._waiting[file.path] = _Waiting(file, since)


def _signature(file: FoundFile) -> _Signature:
    return file.size_bytes, file.modified_ns


def _changed_ns(path: Path) -> int:
    """Return when anything about a file changed, its name and permissions included; 0: it is gone."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0


def is_being_written(path: Path) -> bool | None:
    """Whether a program has the file open for writing; None: the system does not tell.

    Linux lends a file for reading alone only while nobody writes to it (fcntl(2), F_SETLEASE). It does not tell of another
    user's file, as those are that Samba writes. On a network disk it may say that somebody writes where nobody does.
    """
    if sys.platform != "linux":
        return None
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
        return None
    finally:
        os.close(handle)
    return False
