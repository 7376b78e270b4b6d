"""A library that is made up, for exports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from clip_files import jpeg
from soutu_services.runtime.errors import NotFound, SoutuError, Unavailable
from soutu_services.tuning.library import LibraryPhoto, Selection

__all__ = ["NOON", "MadeLibrary", "photo_id"]

NOON = datetime(2020, 5, 1, 12)


def photo_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


class MadeLibrary:
    """Photos by number, an hour apart unless told otherwise; fails at the thumbnail numbered ``fails_at``."""

    def __init__(self, count: int, **moments: datetime) -> None:
        self.photos = [
            LibraryPhoto(photo_id(one), (f"家/第{one}张 外婆.jpg",), NOON + timedelta(hours=one)) for one in range(count)
        ]
        self.duplicates: list[list[str]] = []
        self.broken: set[str] = set()
        self.fault: SoutuError = NotFound("NO", zh="没有", en="none")
        self.fails_at = -1
        self.read: list[str] = []

    def pages(self, selection: Selection) -> Iterator[Sequence[LibraryPhoto]]:
        for begin in range(0, len(self.photos), 100):
            yield self.photos[begin : begin + 100]

    def near_duplicates(self, *, max_distance: int, min_cosine: float) -> Iterator[Sequence[str]]:
        yield from self.duplicates

    def thumbnail(self, photo_id: str) -> bytes:
        if len(self.read) == self.fails_at:
            raise Unavailable("AWAY", zh="不在", en="away")
        self.read.append(photo_id)
        if photo_id in self.broken:
            raise self.fault
        return jpeg(int(photo_id[:4], 16))
