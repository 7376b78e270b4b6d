"""What reading objects brought, written down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from soutu_services.search.catalog.clock import now_milliseconds, to_milliseconds
from soutu_services.search.catalog.contents import content_row, own_photo, photo_of_content, refresh_states
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.names import index_new_names
from soutu_services.search.catalog.pairs import settle_pairs
from soutu_services.search.catalog.records import Ingested, PictureReading, Recorded, RecordedOutcome
from soutu_services.search.catalog.taken_times import settle_taken_time
from soutu_services.search.model import Taken, TakenOrigin, UnreadableReason

__all__ = ["Ingest"]


class Ingest:
    """Takes over what the ingest found out. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, batch: Sequence[Ingested]) -> list[Recorded]:
        """Write down what was read from some objects, all in one transaction that is on the disk when this returns.

        Recording the same again changes nothing: a photo's reading is stored once, whichever of several objects with the same
        content comes first. An object that changed, or went, since it was handed out is left
        as it is (``STALE``). A purged content becomes a photo again only where the item says that it may (``revives_purged``: a
        person put it into the inbox); otherwise it is remembered that the object holds it, and nothing else (``PURGED``).

        Args:
            batch: What was read. An item without a reading and without a reason links the object to a content that was read
                before; if it was not, the object goes on awaiting reading.

        Returns:
            What became of each, in order.
        """
        with self._database.write() as writer:
            recorded = [self._record(writer, item) for item in batch]
            index_new_names(writer)
            return recorded

    def mark_unreadable(self, photo_ids: Sequence[str], reason: UnreadableReason) -> None:
        """Note that photos cannot be used, for instance since the model refused them."""
        with self._database.write() as writer:
            for photo_id in photo_ids:
                writer.execute("UPDATE photos SET unreadable_reason = ? WHERE photo_id = ?", (reason.value, photo_id))
                refresh_states(writer, "SELECT id FROM photos WHERE photo_id = ?", (photo_id,))

    def add_names(self, source: str, names: Sequence[tuple[str, str]]) -> None:
        """Add (photo id, name) to the names of photos without an object of that name; unknown photos are passed over.

        Such a name is searchable and counts for the folder filter.
        """
        with self._database.write() as writer:
            writer.executemany(
                "INSERT INTO names (photo, source, name, alias) SELECT id, ?, ?, 1 FROM photos WHERE photo_id = ? "
                "ON CONFLICT (photo, source, name) DO UPDATE SET alias = 1",
                [(source, name, photo_id) for photo_id, name in names],
            )
            index_new_names(writer)

    def _record(self, writer: sqlite3.Connection, item: Ingested) -> Recorded:
        current = writer.execute(
            "SELECT 1 FROM objects WHERE id = ? AND present = 1 AND state != 'IGNORED' "
            "AND etag = ? AND size_bytes = ? AND modified_at = ?",
            (item.object.object_id, item.object.etag, item.object.size_bytes, to_milliseconds(item.object.modified_at)),
        ).fetchone()
        if current is None:
            return Recorded(RecordedOutcome.STALE)
        content = content_row(writer, item.sha256, item.object.size_bytes)
        row = writer.execute("SELECT photo, purged_at FROM contents WHERE id = ?", (content,)).fetchone()
        if row["photo"] is None and row["purged_at"] is not None and not item.revives_purged:
            self._link(writer, item.object.object_id, content, "READ")
            return Recorded(RecordedOutcome.PURGED)
        _, created = photo_of_content(writer, content)
        own = own_photo(writer, content)
        if item.reading is not None or item.unreadable is not None:
            _write_reading(writer, own, item.reading, item.unreadable)
        read_at = writer.execute("SELECT read_at FROM photos WHERE id = ?", (own,)).fetchone()[0]
        self._link(writer, item.object.object_id, content, "UNREAD" if read_at is None else "READ")
        if item.reading is not None:
            _write_content(writer, content, item.reading)
        refresh_states(writer, "VALUES (?)", (own,))
        settle_pairs(writer, item.object.source, [item.object.key])
        read = writer.execute(
            "SELECT p.photo_id, p.deleted_at FROM contents c JOIN photos p ON p.id = c.photo WHERE c.id = ?", (content,)
        ).fetchone()
        return Recorded(
            outcome=RecordedOutcome.DELETED if read["deleted_at"] is not None else RecordedOutcome.STORED,
            photo_id=read["photo_id"],
            created=created,
        )

    @staticmethod
    def _link(writer: sqlite3.Connection, object_id: int, content: int, state: str) -> None:
        writer.execute(
            "UPDATE objects SET content = ?, content_outdated = 0, state = ? WHERE id = ?", (content, state, object_id)
        )


def _write_content(writer: sqlite3.Connection, content: int, reading: PictureReading) -> None:
    """Write what tells whether a content is part of another one's photo; the time counts only where the file itself tells it."""
    told = reading.taken if reading.taken is not None and reading.taken.origin is TakenOrigin.EXIF else None
    writer.execute(
        "UPDATE contents SET media_type = ?, taken_local = ?, taken_offset_minutes = ?, duration_ms = ? WHERE id = ?",
        (
            reading.media_type,
            _local_text(told) if told else None,
            told.utc_offset_minutes if told else None,
            reading.duration_ms,
            content,
        ),
    )


def _local_text(taken: Taken) -> str:
    return taken.local_time.replace(microsecond=0, tzinfo=None).isoformat()


def _write_reading(
    writer: sqlite3.Connection, photo: int, reading: PictureReading | None, unreadable: UnreadableReason | None
) -> None:
    """Write what a picture told, unless it was written before."""
    now = now_milliseconds()
    if reading is None:
        writer.execute(
            "UPDATE photos SET read_at = ?, unreadable_reason = ? WHERE id = ? AND read_at IS NULL",
            (now, unreadable.value if unreadable else None, photo),
        )
        return
    taken, location = reading.taken, reading.location  # another program may have told both before: see Telling
    local_time = _local_text(taken) if taken else None
    writer.execute(
        "UPDATE photos SET read_at = :now, unreadable_reason = :unreadable, media_type = :media_type, "
        "width = :width, height = :height, kind = :kind, read_local = :taken_local, "
        "read_offset_minutes = :offset, read_origin = :origin, camera = :camera, camera_folded = :camera_folded, "
        "latitude = coalesce(:latitude, latitude), longitude = coalesce(:longitude, longitude), phash = :phash, "
        "duration_ms = :duration_ms, codec = :codec, frames = :frames, poster_ms = :poster_ms "
        "WHERE id = :photo AND (read_at IS NULL OR unreadable_reason IS NOT NULL)",
        {
            "now": now,
            "unreadable": unreadable.value if unreadable else None,
            "media_type": reading.media_type,
            "width": reading.width,
            "height": reading.height,
            "kind": reading.kind.value,
            "taken_local": local_time,
            "offset": taken.utc_offset_minutes if taken else None,
            "origin": taken.origin.value if taken else None,
            "camera": reading.camera,
            "camera_folded": reading.camera.casefold(),
            "latitude": location.latitude if location else None,
            "longitude": location.longitude if location else None,
            "phash": _signed(reading.phash),
            "duration_ms": reading.duration_ms,
            "codec": reading.codec,
            "frames": json.dumps([frame.time_ms for frame in reading.frames]) if reading.frames else "",
            "poster_ms": reading.poster_ms,
            "photo": photo,
        },
    )
    settle_taken_time(writer, photo)


def _signed(phash: int) -> int:
    """SQLite's integers are signed."""
    return phash - (1 << 64) if phash >= 1 << 63 else phash
