"""Rows made into photos."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.catalog.filters import Parameters, name_visible, part_visible, photo_visible, taken_seen
from soutu_services.search.catalog.pairs import resolved_ids
from soutu_services.search.imaging.name_time import time_in_name
from soutu_services.search.model import (
    Annotations,
    Location,
    Photo,
    PhotoKind,
    PhotoName,
    PhotoPart,
    PhotoState,
    Taken,
    TakenOrigin,
    UnreadableReason,
)
from soutu_services.search.visibility import Visibility

__all__ = ["load_photos"]

_ID_DIGITS = 32
_OF_A_PART = (
    "EXISTS (SELECT 1 FROM objects o JOIN contents c ON c.id = o.content "
    "WHERE o.source = n.source AND o.key = n.name AND c.is_part = 1)"
)
"""Whether a name is that of a file beside the one that the photo is shown by: those come later."""
_PART_NAME = (
    "SELECT n.name FROM objects o JOIN names n ON n.photo = c.photo AND n.source = o.source AND n.name = o.key "
    "WHERE o.content = c.id AND o.present = 1 AND {shown} ORDER BY o.id LIMIT 1"
)
"""A name of a content, called ``c``, that the caller may see."""
# Looking into a dictionary takes a tenth of the time of asking an enumeration, and every hit has three of them.
_STATES = {state.value: state for state in PhotoState}
_KINDS = {kind.value: kind for kind in PhotoKind}
_ORIGINS = {origin.value: origin for origin in TakenOrigin}


def load_photos(reader: sqlite3.Connection, photo_ids: Sequence[str], visibility: Visibility) -> list[Photo]:
    """Load photos by their whole ids, in that order, in a few statements.

    Those that do not exist, or that the caller may not see, are left out; so are names that lie where the caller may not see.
    """
    leads_to = resolved_ids(reader, photo_ids, part_visible(visibility))
    photo_ids = [leads_to.get(photo_id, photo_id) for photo_id in photo_ids]
    visible, within = photo_visible(visibility, few=True)
    rows = reader.execute(
        f"SELECT p.*, {taken_seen(visibility)} AS taken_seen, a.favourite, a.caption "
        "FROM photos p LEFT JOIN annotations a ON a.photo = p.id "
        f"WHERE p.photo_id IN (SELECT value FROM json_each(:photo_ids)) AND {visible}",
        {"photo_ids": json.dumps(list(photo_ids)), **within},
    ).fetchall()
    keys = json.dumps([row["id"] for row in rows])
    shown, within = name_visible(visibility, "n")
    names = _grouped(
        reader,
        f"SELECT n.photo, n.source, n.name, n.present FROM names n WHERE {shown} AND",
        f"present DESC, {_OF_A_PART}, id DESC",
        keys,
        within,
    )
    tags = _grouped(reader, "SELECT photo, tag FROM tags WHERE", "id", keys, {})
    albums = _grouped(reader, "SELECT photo, album FROM albums WHERE", "id", keys, {})
    parts = _grouped(
        reader,
        f"SELECT c.photo, c.sha256, c.media_type, c.size_bytes, ({_PART_NAME.format(shown=shown)}) AS name "
        "FROM contents c WHERE c.is_part = 1 AND",
        "id",
        keys,
        within,
    )
    photos = {
        row["photo_id"]: _photo(
            row,
            tuple(PhotoName(name["source"], name["name"], bool(name["present"])) for name in names.get(row["id"], ())),
            tuple(tag["tag"] for tag in tags.get(row["id"], ())),
            tuple(album["album"] for album in albums.get(row["id"], ())),
            visibility,
            parts=tuple(_part(part) for part in parts.get(row["id"], ()) if part["name"] or visibility.is_everything),
        )
        for row in rows
    }
    return [photos[photo_id] for photo_id in photo_ids if photo_id in photos]


def _grouped(
    reader: sqlite3.Connection, select: str, order: str, keys: str, parameters: Parameters
) -> dict[int, list[sqlite3.Row]]:
    groups: dict[int, list[sqlite3.Row]] = {}
    sql = f"{select} photo IN (SELECT value FROM json_each(:keys)) ORDER BY {order}"
    for row in reader.execute(sql, {"keys": keys, **parameters}):
        groups.setdefault(row["photo"], []).append(row)
    return groups


def _taken(row: sqlite3.Row, names: tuple[PhotoName, ...], visibility: Visibility) -> Taken | None:
    if row["taken_seen"] is None:
        return None
    local = datetime.fromisoformat(row["taken_seen"])
    if visibility.is_everything or row["taken_origin"] not in (TakenOrigin.NAME.value, TakenOrigin.MODIFIED.value):
        return Taken(local, row["taken_offset_minutes"], _ORIGINS[row["taken_origin"]])
    is_named = any(name.present and time_in_name(name.name) is not None for name in names)
    return Taken(local, None, TakenOrigin.NAME if is_named else TakenOrigin.MODIFIED)


def _photo(
    row: sqlite3.Row,
    names: tuple[PhotoName, ...],
    tags: tuple[str, ...],
    albums: tuple[str, ...],
    visibility: Visibility,
    *,
    parts: tuple[PhotoPart, ...],
) -> Photo:
    return Photo(
        photo_id=row["photo_id"],
        state=_STATES[row["state"]],
        unreadable=UnreadableReason(row["unreadable_reason"]) if row["unreadable_reason"] else None,
        names=names,
        width=row["width"],
        height=row["height"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        kind=_KINDS[row["kind"]] if row["kind"] else None,
        taken=_taken(row, names, visibility),
        camera=row["camera"],
        location=Location(row["latitude"], row["longitude"]) if row["latitude"] is not None else None,
        annotations=Annotations(favourite=bool(row["favourite"]), tags=tags, caption=row["caption"] or "", albums=albums),
        added_at=from_milliseconds(row["added_at"]) if visibility.is_everything else None,  # a copy elsewhere may be older
        deleted_at=from_milliseconds(row["deleted_at"]) if row["deleted_at"] is not None else None,
        duration_ms=row["duration_ms"],
        codec=row["codec"],
        parts=parts,
    )


def _part(row: sqlite3.Row) -> PhotoPart:
    return PhotoPart(row["sha256"][:_ID_DIGITS], row["media_type"], row["size_bytes"], row["name"] or "")
