"""The copy of iCloud Photos that Apple hands out at privacy.apple.com, as folders or zips, ``iCloud Photos Part 1 of 9``.

``Photos/`` holds the originals and ``Photo Details.csv``, ``Photo Details-1.csv`` and so on, which tell when each was taken (in
GMT, without seconds) and whether it is a favourite; ``Albums/NAME.csv`` in one of the parts names the pictures of an album;
``Recently Deleted`` and ``Memories`` are what they are called. Apple documents none of it: see simulot/immich-go
(adapters/folder/icloud.go).
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath

from soutu_client._moving.arrangement import Arrangement, BadSidecarError
from soutu_client._moving.facts import Facts, home_time
from soutu_client._moving.listing import ListedFile

__all__ = ["arrange", "is_part", "tells_details"]

_DETAILS = b"imgName,fileChecksum,"
_MOST_TABLE_BYTES = 64 << 20
_PART = re.compile(r"icloud[- _].*\d.*", re.IGNORECASE)
_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = tuple(_MONTH_NAMES.split())
_DATE = re.compile(rf"\w+ ({'|'.join(_MONTHS)}) (\d{{1,2}}), ?(\d{{4}}) (\d{{1,2}}):(\d{{2}}) ([AP]M) GMT", re.ASCII)
_FAVOURITES, _HIDDEN = "Favorites", "Hidden"

_Details = dict[tuple[tuple[str, ...], str], dict[str, str]]


def is_part(name: str) -> bool:
    """Whether an archive is called as Apple calls a part: ``iCloud Photos Part 1 of 9``, in any language."""
    return _PART.fullmatch(name) is not None


def tells_details(file: ListedFile) -> bool:
    """Whether a file is the table of what Apple knows of pictures."""
    if not file.name.lower().endswith(".csv"):
        return False
    try:
        return file.begins_with(_DETAILS)
    except OSError:
        return False


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the pictures under the names they have, each below its part."""
    details, lists = _tables(files, into)
    by_name: defaultdict[str, list[ListedFile]] = defaultdict(list)
    for file in files:
        if file.name.lower().endswith(".csv"):
            continue
        row = details.get((file.folder, file.name))
        if not into.is_photo(file):
            into.ignore(file)
        elif "Recently Deleted" in file.folder or (row or {}).get("deleted") == "yes":
            into.trashed += 1
        else:
            folder = file.folder[:-1] if file.folder and file.folder[-1] == "Photos" else file.folder
            into.add(file, "/".join((*folder, file.name)), None if row is None else _facts(row))
            by_name[file.name].append(file)
    for table in lists:
        told = _list_facts(PurePath(table.name).stem)
        for row_ in _rows(table, into):
            name = next(iter(row_.values()), "")
            for path in _meant(by_name.get(name, ()), table):
                into.tell(path, told)


def _tables(files: Sequence[ListedFile], into: Arrangement) -> tuple[_Details, list[ListedFile]]:
    """Return what is told of pictures that are there, by their folder and name, and the lists of albums."""
    details: _Details = {}
    there = {(file.folder, file.name) for file in files}
    lists = []
    for file in files:
        if tells_details(file):
            rows = (((file.folder, row.get("imgName", "")), row) for row in _rows(file, into))
            details |= {key: row for key, row in rows if key in there}
        elif file.name.lower().endswith(".csv") and file.folder and file.folder[-1] == "Albums":
            lists.append(file)
        elif file.name.lower().endswith(".csv"):
            into.ignore(file)
    return details, lists


def _rows(file: ListedFile, into: Arrangement) -> Iterator[dict[str, str]]:
    try:
        text = file.read_small(most_bytes=_MOST_TABLE_BYTES).decode("utf-8-sig")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            # A date that is not in quotes, though it has a comma, pushes what follows one column on.
            more = row.pop(None, None)
            whole = {key: value or "" for key, value in row.items()}
            if more and "originalCreationDate" in whole:
                whole["originalCreationDate"] += f",{whole.get('viewCount', '')}"
            yield whole
    except (OSError, ValueError, csv.Error) as error:
        into.bad_sidecar(file, error if isinstance(error, OSError) else BadSidecarError())


def _facts(row: dict[str, str]) -> Facts:
    return Facts(taken=_taken(row.get("originalCreationDate", "")), is_favourite=row.get("favorite") == "yes")


def _taken(text: str) -> datetime | None:
    """Read ``Saturday June 4,2022 12:11 PM GMT``."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    month, day, year, hour, minute, half = found.groups()
    clock = int(hour) if int(hour) > 12 else int(hour) % 12 + (12 if half == "PM" else 0)
    try:
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), clock, int(minute), tzinfo=UTC)
    except ValueError:
        return None
    return home_time(moment.timestamp())


def _list_facts(name: str) -> Facts:
    if name == _FAVOURITES:
        return Facts(is_favourite=True)
    return Facts() if name == _HIDDEN else Facts().in_album(name)


def _meant(files: Sequence[ListedFile], table: ListedFile) -> list[Path]:
    """Return the file that a name in a list means: of its own part, or else the only one of that name."""
    own = [file for file in files if file.folder[:-1] == table.folder[:-1]]
    meant = own or (files if len(files) == 1 else ())
    return [file.path for file in meant]
