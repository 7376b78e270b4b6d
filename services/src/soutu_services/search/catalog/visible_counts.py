"""How the part of the library is that a confined caller may see."""

from __future__ import annotations

from collections import Counter

from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import photo_visible
from soutu_services.search.catalog.records import LibraryCounts
from soutu_services.search.model import PhotoState, UnreadableReason
from soutu_services.search.visibility import Visibility

__all__ = ["count_visible"]


def count_visible(database: Database, visibility: Visibility) -> LibraryCounts:
    """Count what a confined caller may see; what is said of the library as a whole (sources, spaces, deleted photos) is left out.

    Objects that were not read yet have no name in Unicode NFC in the catalog, so that objects are looked at one by one.
    """
    condition, parameters = photo_visible(visibility)
    with database.read() as reader:
        photos = reader.execute(
            "SELECT state, unreadable_reason, count(*) AS photos, "
            "min(CASE WHEN state = 'PENDING' THEN pending_since END) AS since "
            f"FROM photos p WHERE {condition} GROUP BY 1, 2 ORDER BY 2",
            parameters,
        ).fetchall()
        objects = [
            row
            for row in reader.execute(
                "SELECT source, key, extension, size_bytes, state, seen_at, content IS NULL OR content_outdated = 1 AS is_new "
                "FROM objects WHERE present = 1"
            )
            if visibility.holds(row["source"], row["key"])
        ]
    states: Counter[str] = Counter()
    for row in photos:
        states[row["state"]] += row["photos"]
    unread = [row["seen_at"] for row in objects if row["state"] == "UNREAD" and row["is_new"]]
    ignored = Counter(row["extension"] for row in objects if row["state"] == "IGNORED")
    waiting = [*unread, *(row["since"] for row in photos if row["since"] is not None)]
    return LibraryCounts(
        photos=states.total(),
        pending=states[PhotoState.PENDING.value],
        ready=states[PhotoState.READY.value],
        unreadable=states[PhotoState.UNREADABLE.value],
        unreadable_by_reason={
            UnreadableReason(row["unreadable_reason"]): row["photos"]
            for row in photos
            if row["state"] == PhotoState.UNREADABLE.value
        },
        deleted=0,
        unread_objects=len(unread),
        objects=len(objects),
        objects_by_source={},
        ignored=dict(sorted(ignored.items(), key=lambda item: (-item[1], item[0]))),
        size_bytes=sum(row["size_bytes"] for row in objects if row["state"] != "IGNORED"),
        pending_since=from_milliseconds(min(waiting)) if waiting else None,
    )
