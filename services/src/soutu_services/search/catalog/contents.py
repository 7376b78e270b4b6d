"""Contents, and the photos they belong to."""

from __future__ import annotations

import sqlite3

from soutu_services.search.catalog.clock import now_milliseconds

__all__ = ["content_row", "own_photo", "photo_of_content", "refresh_states"]

PHOTO_ID_DIGITS = 32


def content_row(writer: sqlite3.Connection, sha256: str, size_bytes: int) -> int:
    """Find or make the row of a content and return its key."""
    writer.execute(
        "INSERT INTO contents (sha256, size_bytes) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING", (sha256, size_bytes)
    )
    return int(writer.execute("SELECT id FROM contents WHERE sha256 = ?", (sha256,)).fetchone()[0])


def photo_of_content(writer: sqlite3.Connection, content: int) -> tuple[int, bool]:
    """Find or make the photo of a content; a purged content becomes a new photo.

    Returns:
        The photo's key and whether it was made now.
    """
    row = writer.execute("SELECT photo, sha256, size_bytes FROM contents WHERE id = ?", (content,)).fetchone()
    if row["photo"] is not None:
        return int(row["photo"]), False
    now = now_milliseconds()
    writer.execute(
        "INSERT INTO photos (photo_id, added_at, pending_since, sort_at, size_bytes) "
        "VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%S', 'now'), ?) ON CONFLICT (photo_id) DO NOTHING",
        (row["sha256"][:PHOTO_ID_DIGITS], now, now, row["size_bytes"]),
    )
    photo = own_photo(writer, content)
    writer.execute("UPDATE contents SET photo = ?, is_part = 0, purged_at = NULL WHERE id = ?", (photo, content))
    # Objects that held it when it was purged are read again, and give it their names (by the trigger).
    writer.execute("UPDATE objects SET content = content, state = 'UNREAD' WHERE content = ? AND state = 'READ'", (content,))
    return photo, True


def own_photo(writer: sqlite3.Connection, content: int) -> int:
    """Find the photo that a content is the primary content of, also while it is part of another one; it was made before."""
    row = writer.execute(
        "SELECT p.id FROM contents c JOIN photos p ON p.photo_id = substr(c.sha256, 1, ?) WHERE c.id = ?",
        (PHOTO_ID_DIGITS, content),
    ).fetchone()
    return int(row["id"])


def refresh_states(
    writer: sqlite3.Connection, photos: str = "SELECT id FROM photos", parameters: tuple[object, ...] = ()
) -> None:
    """Make the state of photos follow from what is known of them.

    UNREADABLE with a reason; READY once read and embedded in the serving space; PENDING otherwise.

    Args:
        writer: The connection of a transaction.
        photos: A query that yields photo keys.
        parameters: Its parameters.
    """
    writer.execute(
        "UPDATE photos SET state = new.state, "
        "pending_since = CASE WHEN photos.state != 'PENDING' AND new.state = 'PENDING' THEN ? ELSE pending_since END "
        "FROM (SELECT p.id, CASE WHEN p.unreadable_reason IS NOT NULL THEN 'UNREADABLE' "
        "WHEN p.read_at IS NOT NULL AND EXISTS (SELECT 1 FROM embeddings e JOIN spaces s ON s.id = e.space "
        "WHERE e.photo = p.id AND s.serving = 1) THEN 'READY' ELSE 'PENDING' END AS state "
        f"FROM photos p WHERE p.id IN ({photos})) AS new WHERE new.id = photos.id AND new.state != photos.state",
        (now_milliseconds(), *parameters),
    )
