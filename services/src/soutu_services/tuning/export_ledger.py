"""What an export has gathered and how far it is: in a file of its own, so that memory stays small and a kill loses nothing.

Captions are grouped here: one that many photos share becomes one text with many pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Self

from soutu_services.tuning.lmdb_file import open_for_writing

__all__ = ["ExportLedger", "PhotoRecord", "Progress"]

_DIGEST_BYTES = 16
_PLACE_BYTES = 5
_PROGRESS = b"progress"


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo of the export: its id, a name, and its split, which is set once all are known."""

    photo_id: str
    name: str
    split: int


@dataclass(slots=True)
class Progress:
    """How far an export is.

    Attributes:
        request: What was asked for; another request cannot go on with this export.
        photos: Photos that were listed; -1 until all are, and have their splits.
        pictures_done: Photos before this place have been dealt with.
        bytes_written: Length of each split's table of pictures at that point.
    """

    request: str
    photos: int = -1
    pictures_done: int = 0
    bytes_written: dict[str, int] = field(default_factory=dict)


class ExportLedger:
    """The file. Everything changes in transactions; opened by one export at a time."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._state = environment.open_db(b"state")
        self._photos = environment.open_db(b"photos")
        self._captions = environment.open_db(b"captions")
        self._places = environment.open_db(b"places", dupsort=True, dupfixed=True)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open the ledger, made if it is not there.

        Raises:
            DataLoss: it is damaged.
        """
        with open_for_writing(path, databases=4) as environment:
            yield cls(environment)

    def progress(self) -> Progress | None:
        """Return how far the export is; None if it has not begun."""
        with self._environment.begin() as rows:
            kept = rows.get(_PROGRESS, db=self._state)
        return Progress(**json.loads(kept)) if kept else None

    def save(self, progress: Progress, *, missing: Sequence[int] = ()) -> None:
        """Keep how far it is; photos at ``missing`` have no picture."""
        with self._environment.begin(write=True) as rows:
            for place in missing:
                rows.delete(_key(place), db=self._photos)
            rows.put(_PROGRESS, json.dumps(asdict(progress)).encode(), db=self._state)

    def begin(self, request: str) -> Progress:
        """Begin to list photos, whatever was listed before."""
        progress = Progress(request)
        with self._environment.begin(write=True) as rows:
            for database in (self._photos, self._captions, self._places):
                rows.drop(database, delete=False)
            rows.put(_PROGRESS, json.dumps(asdict(progress)).encode(), db=self._state)
        return progress

    def add(self, first: int, photos: Sequence[tuple[PhotoRecord, Sequence[str]]]) -> None:
        """Add photos with their captions, the first at a place and the others after it."""
        with self._environment.begin(write=True) as rows:
            for place, (record, captions) in enumerate(photos, first):
                rows.put(_key(place), json.dumps([record.photo_id, record.name, record.split]).encode(), db=self._photos)
                for caption in captions:
                    encoded = caption.encode()
                    digest = hashlib.sha256(encoded).digest()[:_DIGEST_BYTES]
                    rows.put(digest, encoded, db=self._captions)
                    rows.put(digest, _key(place), db=self._places)

    def set_splits(self, first: int, splits: Sequence[int]) -> None:
        """Set the splits of photos, the first at a place and the others after it."""
        with self._environment.begin(write=True) as rows:
            for place, split in enumerate(splits, first):
                photo_id, name, _ = json.loads(rows.get(_key(place), db=self._photos))
                rows.put(_key(place), json.dumps([photo_id, name, split]).encode(), db=self._photos)

    def photos(self, first: int, count: int) -> list[tuple[int, PhotoRecord]]:
        """Return photos by their places, those that are there of so many from a place on."""
        found: list[tuple[int, PhotoRecord]] = []
        with self._environment.begin() as rows:
            cursor = rows.cursor(db=self._photos)
            is_there = cursor.set_range(_key(first))
            while is_there and (place := int.from_bytes(cursor.key())) < first + count:
                found.append((place, PhotoRecord(*json.loads(cursor.value()))))
                is_there = cursor.next()
        return found

    def texts(self, *, most: int) -> Iterator[tuple[str, list[int]]]:
        """Yield each caption with the places of its photos, of ``most`` and one at most: a folder's name may have a million."""
        with self._environment.begin() as rows:
            places = rows.cursor(db=self._places)
            for digest, caption in rows.cursor(db=self._captions):
                places.set_key(digest)
                yield caption.decode(), [int.from_bytes(one) for one in islice(places.iternext_dup(), most + 1)]


def _key(place: int) -> bytes:
    return place.to_bytes(_PLACE_BYTES)
