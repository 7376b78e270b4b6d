"""A record of what people do with what they find: kept on this machine alone, off until it is turned on, and never of guests.

A folder holds two files: ``settings.json``, whether deeds are recorded, and ``use.jsonl``, a line for each (see ``_use_line``).
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from soutu_client._locked_file import locked_file
from soutu_client._use_line import line_of, use_of
from soutu_client._user_folders import private_folder, state_folder, write_private
from soutu_client.access_models import Access
from soutu_client.feedback_models import FeedbackRecord, FeedbackStatus, Use, is_guest

__all__ = ["MOST_BYTES", "Feedback"]

MOST_BYTES = 4 << 20
"""Some 20,000 deeds. Beyond, the oldest go."""
_LEFT_OF_FULL = 3 / 4
_RECORD, _SETTINGS = "use.jsonl", "settings.json"


class Feedback:
    """The record in a folder. Several programs may use one at a time.

    Args:
        folder: Made when it is first written to.
        most_bytes: Of the record.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    @classmethod
    def of_user(cls) -> Feedback:
        """Return the record of the person who runs this program, the one of the command ``soutu feedback``.

        Raises:
            FileNotFoundError: This user has no home, as some services have none.
        """
        return cls(state_folder() / "feedback")

    @property
    def path(self) -> Path:
        """The record's file; it may not exist."""
        return self._folder / _RECORD

    @property
    def is_on(self) -> bool:
        """Whether deeds are recorded; asked anew each time, since another program may turn it."""
        try:
            settings = json.loads((self._folder / _SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(settings, dict) and settings.get("record") is True

    def turn(self, *, is_on: bool) -> None:
        """Record from now on, or no more. What is kept stays until ``clear``.

        Raises:
            OSError: It cannot be written down.
        """
        write_private(self._folder / _SETTINGS, json.dumps({"record": is_on}) + "\n")

    def record(self, use: Use, *, access: Access) -> bool:
        """Record a deed and say whether it was: not while this is off, and never of a guest.

        Args:
            use: The deed; without a time, it is now.
            access: What whoever did it may do, as ``Client.access`` says.

        Raises:
            OSError: It cannot be written.
        """
        if not self.is_on or is_guest(access):
            return False
        line = line_of(use if use.at is not None else replace(use, at=datetime.now(UTC)))
        private_folder(self._folder)
        with locked_file(self.path) as handle:
            size = os.fstat(handle).st_size
            if size:
                os.lseek(handle, -1, os.SEEK_END)
                if os.read(handle, 1) != b"\n":  # a program was killed while it wrote: that line is lost, and no other
                    line = b"\n" + line
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if size + len(line) > self._most_bytes:
                self._forget_oldest()
        return True

    def read(self) -> FeedbackRecord:
        """Return what is kept. Lines that cannot be read are left out and counted.

        Raises:
            OSError: The file cannot be read.
        """
        uses, broken = [], 0
        for line in self._lines():
            try:
                uses.append(use_of(line))
            except ValueError:
                broken += 1
        return FeedbackRecord(tuple(uses), broken)

    def status(self) -> FeedbackStatus:
        """Say how the record is.

        Raises:
            OSError: The file cannot be read.
        """
        record = self.read()
        size = self.path.stat().st_size if self.path.exists() else 0
        since = min((use.at for use in record.uses if use.at is not None), default=None)
        return FeedbackStatus(self.is_on, self.path, len(record.uses), record.broken_lines, size, since)

    def clear(self) -> int:
        """Erase what is kept, and say how many deeds that were.

        Raises:
            OSError: It cannot be erased.
        """
        if not self._folder.is_dir():
            return 0
        with locked_file(self.path) as handle:
            uses = len(self.read().uses)
            os.ftruncate(handle, 0)
        for left in self._folder.glob(f".{_RECORD}-*"):  # of a program that was killed while it forgot the oldest
            left.unlink(missing_ok=True)
        return uses

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self.path.read_bytes().split(b"\n") if line.strip()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _forget_oldest(self) -> None:
        kept: list[str] = []
        left = int(_LEFT_OF_FULL * self._most_bytes)
        for line in reversed(self._lines()):
            left -= len(line) + 1
            if left < 0:
                break
            kept.append(line.decode("utf-8", "replace") + "\n")
        write_private(self.path, "".join(reversed(kept)), is_lasting=False)
