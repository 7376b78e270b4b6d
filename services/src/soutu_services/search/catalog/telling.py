"""What other programs knew of photos, taken over once."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog.annotating import (
    clean_caption,
    clean_labels,
    write_caption,
    write_favourite,
    write_labels,
)
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.pairs import resolved_ids
from soutu_services.search.catalog.records import Told
from soutu_services.search.catalog.taken_times import set_person_time, set_told_time, taken_time
from soutu_services.search.model import Location

__all__ = ["Telling"]

_DIGEST_BYTES = 16


class Telling:
    """Takes over what other programs knew. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, told: Sequence[Told]) -> list[str]:
        """Take over what is told, all or none, each thing where nothing better is known.

        What was told of a photo before is not taken over again: what people changed since stays. Photos that do not exist are
        passed over.

        Returns:
            The photos of which something was told for the first time.

        Raises:
            InvalidInput: something is too long, has control characters, is no time or place on Earth, or there is too much.
        """
        clean = [_clean(each) for each in told]
        changed: dict[str, None] = {}
        with self._database.write() as writer:
            leads_to = resolved_ids(writer, [each.photo_id for each in clean])
            for each in clean:
                photo_id = leads_to.get(each.photo_id, each.photo_id)
                row = writer.execute("SELECT id FROM photos WHERE photo_id = ?", (photo_id,)).fetchone()
                if row is not None and _take_over(writer, row["id"], each):
                    changed[each.photo_id] = None
        return list(changed)


def _clean(told: Told) -> Told:
    if told.location is not None and not (
        math.isfinite(told.location.latitude)
        and math.isfinite(told.location.longitude)
        and abs(told.location.latitude) <= 90
        and abs(told.location.longitude) <= 180
    ):
        raise InvalidInput(
            "BAD_PLACE",
            zh="地点无效：纬度 -90 至 90，经度 -180 至 180",
            en="not a place: latitudes from -90 to 90, longitudes from -180 to 180",
        )
    return replace(
        told,
        taken_local_time=taken_time(told.taken_local_time) if told.taken_local_time else "",
        caption=clean_caption(told.caption),
        tags=tuple(clean_labels(told.tags)),
        albums=tuple(clean_labels(told.albums)),
    )


def _take_over(writer: sqlite3.Connection, photo: int, told: Told) -> bool:
    """Take over what was not told of the photo before, and say whether there was anything."""
    is_any = False

    def is_news(fact: str, value: object) -> bool:
        nonlocal is_any
        if not value:
            return False
        digest = hashlib.sha256(json.dumps([fact, value]).encode()).digest()[:_DIGEST_BYTES]
        is_first = writer.execute("INSERT INTO tellings VALUES (?, ?) ON CONFLICT DO NOTHING", (photo, digest)).rowcount > 0
        is_any = is_any or is_first
        return is_first

    if told.taken_corrected and is_news("corrected", told.taken_local_time):
        set_person_time(writer, photo, told.taken_local_time, unless_set=True)
    elif not told.taken_corrected and is_news("taken", told.taken_local_time):
        set_told_time(writer, photo, told.taken_local_time)
    if told.location is not None and is_news("location", [told.location.latitude, told.location.longitude]):
        _place(writer, photo, told.location)
    if is_news("favourite", told.favourite):
        write_favourite(writer, photo, True)
    if is_news("caption", told.caption) and not _has_caption(writer, photo):
        write_caption(writer, photo, told.caption)
    for table, labels in (("tags", told.tags), ("albums", told.albums)):
        write_labels(writer, photo, table, [label for label in labels if is_news(table, label)])
    return is_any


def _has_caption(writer: sqlite3.Connection, photo: int) -> bool:
    return writer.execute("SELECT 1 FROM annotations WHERE photo = ? AND caption != ''", (photo,)).fetchone() is not None


def _place(writer: sqlite3.Connection, photo: int, location: Location) -> None:
    """Put a photo on the map that does not say itself where it was taken; if it is read later and does, that goes before."""
    writer.execute(
        "UPDATE photos SET latitude = ?, longitude = ? WHERE id = ? AND latitude IS NULL",
        (location.latitude, location.longitude, photo),
    )
