"""A program's log that does not grow without end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

__all__ = ["LogFile"]

_TAIL_BYTES = 8192


class LogFile:
    """A log that a child process appends to, with one older part beside it (``NAME.log.1``).

    The child keeps its file open, so the log is copied aside and then cut to nothing; a child that appends goes on at the start.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._begin = 0

    def open(self) -> IO[bytes]:
        """Open the log for a child to append to."""
        log = self.path.open("ab")
        self._begin = log.tell()
        return log

    def keep_small(self) -> None:
        """Put the log aside if it is too large. A full disk is no reason to stop the house."""
        try:
            if self.path.stat().st_size <= self._most_bytes:
                return
            shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
        except OSError:
            pass
        try:
            with self.path.open("r+b") as log:
                log.truncate(0)
        except OSError:
            return

    def last_line(self) -> str:
        """Return the last line that is not empty of what was written since the log was opened; empty if nothing was."""
        try:
            with self.path.open("rb") as log:
                end = log.seek(0, 2)
                log.seek(max(self._begin if self._begin <= end else 0, end - _TAIL_BYTES))
                lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        except OSError:
            return ""
        return lines[-1] if lines else ""
