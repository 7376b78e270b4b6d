"""Rows made into photos."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.model import (
    Annotations,
    Location,
    Photo,
    PhotoKind,
    PhotoName,
    PhotoState,
    Taken,
    TakenOrigin,
    UnreadableReason,
)

__all__ = ["load_photos"]


def load_photos(reader: sqlite3.Connection, photo_ids: Sequence[str]) -> list[Photo]:
    """Load photos by their whole ids, in that order, in a few statements; those that do not exist are left out."""
    rows = reader.execute(
        "SELECT p.*, a.favourite, a.caption FROM photos p LEFT JOIN annotations a ON a.photo = p.id "
        "WHERE p.photo_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(photo_ids)),),
    ).fetchall()
    keys = json.dumps([row["id"] for row in rows])
    names = _grouped(reader, "SELECT photo, source, name, present FROM names", "present DESC, id DESC", keys)
    tags = _grouped(reader, "SELECT photo, tag FROM tags", "id", keys)
    albums = _grouped(reader, "SELECT photo, album FROM albums", "id", keys)
    photos = {
        row["photo_id"]: _photo(
            row,
            tuple(PhotoName(name["source"], name["name"], bool(name["present"])) for name in names.get(row["id"], ())),
            tuple(tag["tag"] for tag in tags.get(row["id"], ())),
            tuple(album["album"] for album in albums.get(row["id"], ())),
        )
        for row in rows
    }
    return [photos[photo_id] for photo_id in photo_ids if photo_id in photos]


def _grouped(reader: sqlite3.Connection, select: str, order: str, keys: str) -> dict[int, list[sqlite3.Row]]:
    groups: dict[int, list[sqlite3.Row]] = {}
    for row in reader.execute(f"{select} WHERE photo IN (SELECT value FROM json_each(?)) ORDER BY {order}", (keys,)):
        groups.setdefault(row["photo"], []).append(row)
    return groups


def _photo(row: sqlite3.Row, names: tuple[PhotoName, ...], tags: tuple[str, ...], albums: tuple[str, ...]) -> Photo:
    taken = None
    if row["taken_local"] is not None:
        taken = Taken(datetime.fromisoformat(row["taken_local"]), row["taken_offset_minutes"], TakenOrigin(row["taken_origin"]))
    return Photo(
        photo_id=row["photo_id"],
        state=PhotoState(row["state"]),
        unreadable=UnreadableReason(row["unreadable_reason"]) if row["unreadable_reason"] else None,
        names=names,
        width=row["width"],
        height=row["height"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        kind=PhotoKind(row["kind"]) if row["kind"] else None,
        taken=taken,
        camera=row["camera"],
        location=Location(row["latitude"], row["longitude"]) if row["latitude"] is not None else None,
        annotations=Annotations(favourite=bool(row["favourite"]), tags=tags, caption=row["caption"] or "", albums=albums),
        added_at=from_milliseconds(row["added_at"]),
        deleted_at=from_milliseconds(row["deleted_at"]) if row["deleted_at"] is not None else None,
    )
