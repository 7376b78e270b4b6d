"""When a photo was taken, of several voices the strongest."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime

from soutu_services.runtime.errors import InvalidInput

__all__ = ["TOLD_ORIGINS", "set_person_time", "set_told_time", "settle_taken_time", "taken_time"]

TOLD_ORIGINS = "('EXIF', 'PERSON', 'TOLD')"
"""Origins, as SQL, that are the photo's own whatever its files are called and wherever they lie."""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?", re.ASCII)

# A person's word, the camera's, what another program told, the best guess of names and files. A photo of which nothing is known
# is listed by when it was first seen.
_SETTLE = """
UPDATE photos SET
    taken_local = coalesce(person_local, CASE WHEN read_origin = 'EXIF' THEN read_local END, told_local, read_local),
    taken_origin = CASE WHEN person_local IS NOT NULL THEN 'PERSON' WHEN read_origin = 'EXIF' THEN 'EXIF'
        WHEN told_local IS NOT NULL THEN 'TOLD' ELSE read_origin END,
    taken_offset_minutes = CASE WHEN person_local IS NULL AND (read_origin = 'EXIF' OR told_local IS NULL)
        THEN read_offset_minutes END,
    sort_at = coalesce(person_local, CASE WHEN read_origin = 'EXIF' THEN read_local END, told_local, read_local,
        CASE WHEN taken_local IS NULL THEN sort_at ELSE strftime('%Y-%m-%dT%H:%M:%S', added_at / 1000, 'unixepoch') END)
WHERE id = ?
"""


def taken_time(text: str) -> str:
    """Read a local date, or date and time, as the catalog writes it: whole seconds; midnight where no time is said.

    Raises:
        InvalidInput: it is none.
    """
    text = text.strip()
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidInput(
            "BAD_DATE",
            zh="日期写法不对，请写成 2019-05-01 或 2019-05-01T12:30:00",
            en="not a date; write 2019-05-01 or 2019-05-01T12:30:00",
        ) from None


def set_person_time(writer: sqlite3.Connection, photo: int, local_time: str | None, *, unless_set: bool = False) -> None:
    """Write down a person's word; None takes it back. ``unless_set``: an earlier one stays."""
    writer.execute(
        "UPDATE photos SET person_local = CASE WHEN ? THEN coalesce(person_local, ?) ELSE ? END WHERE id = ?",
        (unless_set, local_time, local_time, photo),
    )
    settle_taken_time(writer, photo)


def set_told_time(writer: sqlite3.Connection, photo: int, local_time: str) -> None:
    """Write down what another program told; what was told first stays."""
    writer.execute("UPDATE photos SET told_local = coalesce(told_local, ?) WHERE id = ?", (local_time, photo))
    settle_taken_time(writer, photo)


def settle_taken_time(writer: sqlite3.Connection, photo: int) -> None:
    """Let the strongest voice be the time that filters, lists and people see."""
    writer.execute(_SETTLE, (photo,))
