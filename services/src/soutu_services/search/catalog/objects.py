"""Objects: what lies in the sources, as listings show it and as soutu itself writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from soutu_services.runtime.errors import NotFound
from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.catalog.contents import content_row, own_photo, photo_of_content
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.listings import compare_listing, judge_listing, write_object
from soutu_services.search.catalog.names import index_new_names
from soutu_services.search.catalog.pairs import settle_pairs
from soutu_services.search.catalog.records import (
    ContentState,
    PutResult,
    RecycledObject,
    SeenObject,
    SeenResult,
    StoredObject,
    UnreadObject,
)
from soutu_services.search.model import PhotoState

__all__ = ["Objects"]

_STORED = """
SELECT o.id, o.source, o.key, o.etag, o.size_bytes, o.modified_at, o.present, c.sha256
FROM objects o JOIN contents c ON c.id = o.content
"""


class Objects:
    """The objects of the catalog. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_seen(self, source: str, seen: Sequence[SeenObject]) -> SeenResult:
        """Take over what a listing shows, in one transaction; what is unchanged costs a look-up alone.

        An object is unchanged if its size and entity tag are, or, where there is no tag, its size and modification time. One
        that is back unchanged after it was gone keeps all that is known of it. What is new or changed awaits reading; until it is
        read, a changed object stays under the photo it held.

        Args:
            source: The source that was listed.
            seen: Objects, each key once; some thousands at a time.
        """
        return compare_listing(self._database, source, seen)

    def judge(self, source: str, seen: Sequence[SeenObject]) -> dict[str, str]:
        """Say of what a listing shows what ``record_seen`` would take over: ``new``, ``changed`` or ``returned`` by key."""
        return judge_listing(self._database, source, seen)

    def present_keys(self, source: str, folder: str | None = None) -> list[str]:
        """List the keys that are present, of one folder (without those below; "" is the top) or of the whole source."""
        with self._database.read() as reader:
            if folder is None:
                rows = reader.execute("SELECT key FROM objects WHERE source = ? AND present = 1", (source,))
            else:
                rows = reader.execute(
                    "SELECT key FROM objects WHERE source = ? AND folder = ? AND present = 1", (source, folder.rstrip("/"))
                )
            return [row[0] for row in rows]

    def mark_gone(self, source: str, keys: Iterable[str]) -> int:
        """Note that objects are not in the source any more.

        Their names stay in the photos' history. A photo without any object is not shown; all that is known of it is kept, so that
        it costs nothing when an object with its content appears again.

        Returns:
            How many were present until now.
        """
        with self._database.write() as writer:
            keys = list(keys)
            gone = writer.execute(
                "UPDATE objects SET present = 0, missing = 0 "
                "WHERE source = ? AND present = 1 AND key IN (SELECT value FROM json_each(?))",
                (source, json.dumps(keys)),
            ).rowcount
            settle_pairs(writer, source, keys)
            return gone

    def record_ignored(self, source: str, keys: Iterable[str]) -> None:
        """Note that objects, known from ``record_seen``, are no photos by their first bytes: to be read again if they change."""
        with self._database.write() as writer:
            keys = list(keys)
            writer.execute(
                "UPDATE objects SET state = 'IGNORED', content = NULL "
                "WHERE source = ? AND key IN (SELECT value FROM json_each(?))",
                (source, json.dumps(keys)),
            )
            settle_pairs(writer, source, keys)

    def next_unread(self, limit: int, *, after_id: int = 0, sources: Sequence[str] | None = None) -> list[UnreadObject]:
        """List present objects that await reading, those first seen first.

        Args:
            limit: How many at most.
            after_id: Only objects with a greater ``object_id``, to page through what is already under way.
            sources: Only of these; None: of all.
        """
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT o.id, o.source, o.key, o.etag, o.size_bytes, o.modified_at, c.sha256 "
                "FROM objects o LEFT JOIN contents c ON c.id = o.content AND o.content_outdated = 0 "
                "WHERE o.present = 1 AND o.state = 'UNREAD' AND o.id > ? "
                "AND (? IS NULL OR o.source IN (SELECT value FROM json_each(?))) ORDER BY o.id LIMIT ?",
                (after_id, *(2 * (None if sources is None else json.dumps(list(sources)),)), limit),
            )
            return [_unread(row) for row in rows]

    def forget_unread(self, sources: Sequence[str]) -> int:
        """Take back that what was listed awaits reading: the next sync finds it as if for the first time.

        Objects whose content is known, as that of uploads is, go on awaiting reading.

        Returns:
            How many objects do not await reading any more.
        """
        within = "state = 'UNREAD' AND source IN (SELECT value FROM json_each(?))"
        with self._database.write() as writer:
            names = (json.dumps(list(sources)),)
            new = writer.execute(f"DELETE FROM objects WHERE content IS NULL AND {within}", names).rowcount
            changed = writer.execute(
                f"UPDATE objects SET state = 'READ', etag = '?', modified_at = 0 WHERE content_outdated = 1 AND {within}", names
            ).rowcount
            return new + changed

    def put(self, source: str, key: str, *, etag: str, size_bytes: int, modified_at: datetime, sha256: str) -> PutResult:
        """Note an object that soutu itself wrote, with its content known. It awaits reading unless the content has been read.

        A purged content becomes a new photo: a person brought it. A deleted photo stays deleted.
        """
        with self._database.write() as writer:
            content = content_row(writer, sha256, size_bytes)
            _, created = photo_of_content(writer, content)
            write_object(writer, source, SeenObject(key, etag, size_bytes, modified_at))
            writer.execute(
                "UPDATE objects SET content = :content, content_outdated = 0, present = 1, "
                "state = CASE WHEN EXISTS (SELECT 1 FROM photos WHERE id = :photo AND read_at IS NOT NULL) "
                "THEN 'READ' ELSE 'UNREAD' END "
                "WHERE source = :source AND key = :key",
                {"content": content, "photo": own_photo(writer, content), "source": source, "key": key},
            )
            index_new_names(writer)
            settle_pairs(writer, source, [key])
            row = writer.execute(
                "SELECT p.photo_id, p.deleted_at, p.state FROM contents c JOIN photos p ON p.id = c.photo WHERE c.id = ?",
                (content,),
            ).fetchone()
            return PutResult(row["photo_id"], created, row["deleted_at"] is not None, PhotoState(row["state"]))

    def of_photo(self, photo_id: str) -> list[StoredObject]:
        """List the present objects of a photo: those of its primary content first, then in the order they were first seen."""
        with self._database.read() as reader:
            rows = reader.execute(
                f"{_STORED} JOIN photos p ON p.id = c.photo WHERE p.photo_id = ? AND o.present = 1 "
                "ORDER BY substr(c.sha256, 1, 32) != p.photo_id, o.id",
                (photo_id,),
            )
            return [_stored(row) for row in rows]

    def has_present(self, source: str) -> bool:
        """Whether any object is present in a source."""
        with self._database.read() as reader:
            return (
                reader.execute("SELECT 1 FROM objects WHERE source = ? AND present = 1 LIMIT 1", (source,)).fetchone() is not None
            )

    def holds(self, source: str, key: str, photo_id: str) -> bool:
        """Whether the object of this key is known to hold a content of this photo, which is not deleted.

        A photo that is part of another one now counts as itself too.
        """
        with self._database.read() as reader:
            row = reader.execute(
                "SELECT 1 FROM objects o JOIN contents c ON c.id = o.content JOIN photos p ON p.id = c.photo "
                "WHERE o.source = ? AND o.key = ? AND (p.photo_id = ? OR substr(c.sha256, 1, 32) = ?) AND p.deleted_at IS NULL",
                (source, key, photo_id, photo_id),
            ).fetchone()
            return row is not None

    def of_deleted_photos(self, sources: Sequence[str], photo_id: str | None = None) -> list[tuple[str, StoredObject]]:
        """List (photo id, object) for objects of deleted photos that are, or may be, still in these sources: moves to finish.

        Args:
            sources: Names of sources.
            photo_id: The objects of this photo alone; None: of all.
        """
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT p.photo_id, o.id, o.source, o.key, o.etag, o.size_bytes, o.modified_at, o.present, c.sha256 "
                "FROM photos p JOIN contents c ON c.photo = p.id JOIN objects o ON o.content = c.id "
                "WHERE p.deleted_at IS NOT NULL AND o.source IN (SELECT value FROM json_each(?)) AND (o.present = 1 "
                "OR EXISTS (SELECT 1 FROM recycled r WHERE r.content = c.id AND r.in_source = 1 "
                "AND r.source = o.source AND r.key = o.key)) AND (? IS NULL OR p.photo_id = ?) ORDER BY o.id",
                (json.dumps(list(sources)), photo_id, photo_id),
            )
            return [(row["photo_id"], _stored(row)) for row in rows]

    def find_contents(self, sha256s: Sequence[str]) -> dict[str, ContentState]:
        """Say what is known of contents; those that belong to no photo (unknown or purged) are left out."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT c.sha256, p.photo_id, p.state, p.deleted_at, p.present, own.read_at FROM contents c "
                "JOIN photos p ON p.id = c.photo LEFT JOIN photos own ON own.photo_id = substr(c.sha256, 1, 32) "
                "WHERE c.sha256 IN (SELECT value FROM json_each(?))",
                (json.dumps(list(sha256s)),),
            )
            return {
                row["sha256"]: ContentState(
                    photo_id=row["photo_id"],
                    state=PhotoState(row["state"]),
                    deleted=row["deleted_at"] is not None,
                    present=bool(row["present"]),
                    read=row["read_at"] is not None,
                )
                for row in rows
            }

    def recycle(self, object_id: int, recycle_key: str) -> None:
        """Note that an object was copied to the recycle bucket under a key of its own; see ``moved``. Repeating it is right.

        Raises:
            NotFound: there is no such object with a known content.
        """
        with self._database.write() as writer:
            moved = writer.execute(
                "INSERT INTO recycled (content, source, key, recycle_key, size_bytes, modified_at, in_source) "
                "SELECT content, source, key, ?, size_bytes, modified_at, 1 FROM objects WHERE id = ? AND content IS NOT NULL "
                "ON CONFLICT (recycle_key) DO UPDATE SET content = excluded.content, in_source = 1",
                (recycle_key, object_id),
            ).rowcount
            if not moved:
                raise NotFound("OBJECT_NOT_FOUND", zh="找不到这个文件", en="there is no such file")
            writer.execute("DELETE FROM removals WHERE bucket = 'recycle' AND key = ?", (recycle_key,))  # it is needed again
            writer.execute("UPDATE objects SET present = 0 WHERE id = ?", (object_id,))

    def moved(self, recycle_key: str) -> None:
        """Note that an object which was copied to the recycle bucket is not in its source any more."""
        with self._database.write() as writer:
            writer.execute("UPDATE recycled SET in_source = 0 WHERE recycle_key = ?", (recycle_key,))

    def removals(self) -> list[tuple[str, str]]:
        """List what is yet to be removed since it was purged or moved back: (``recycle``, key) and (``thumbnails``, photo id)."""
        with self._database.read() as reader:
            return [(row["bucket"], row["key"]) for row in reader.execute("SELECT bucket, key FROM removals")]

    def removed(self, bucket: str, key: str) -> None:
        """Note that something was removed."""
        with self._database.write() as writer:
            writer.execute("DELETE FROM removals WHERE bucket = ? AND key = ?", (bucket, key))

    def recycled(self, photo_ids: Sequence[str] | None = None) -> list[RecycledObject]:
        """List objects in the recycle bucket, of some photos or of all, in the order they were moved."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT r.*, p.photo_id, c.sha256 FROM recycled r JOIN contents c ON c.id = r.content "
                "JOIN photos p ON p.id = c.photo WHERE ? IS NULL OR p.photo_id IN (SELECT value FROM json_each(?)) ORDER BY r.id",
                2 * (None if photo_ids is None else json.dumps(list(photo_ids)),),
            )
            return [
                RecycledObject(
                    recycled_id=row["id"],
                    photo_id=row["photo_id"],
                    source=row["source"],
                    key=row["key"],
                    recycle_key=row["recycle_key"],
                    sha256=row["sha256"],
                    size_bytes=row["size_bytes"],
                    modified_at=from_milliseconds(row["modified_at"]),
                )
                for row in rows
            ]

    def restore(self, recycled_id: int, key: str, *, etag: str, size_bytes: int, modified_at: datetime) -> PutResult:
        """Note that a recycled object was copied back to its source, under its old key or another; ``removals`` lists the other.

        Raises:
            NotFound: there is no such recycled object.
        """
        with self._database.write() as writer:
            row = writer.execute(
                "SELECT r.source, r.recycle_key, c.sha256 FROM recycled r JOIN contents c ON c.id = r.content WHERE r.id = ?",
                (recycled_id,),
            ).fetchone()
            if row is None:
                raise NotFound("OBJECT_NOT_FOUND", zh="回收站里没有这个文件", en="there is no such file in the recycle bucket")
            writer.execute("DELETE FROM recycled WHERE id = ?", (recycled_id,))
            writer.execute("INSERT INTO removals VALUES ('recycle', ?) ON CONFLICT DO NOTHING", (row["recycle_key"],))
            return self.put(row["source"], key, etag=etag, size_bytes=size_bytes, modified_at=modified_at, sha256=row["sha256"])


def _unread(row: sqlite3.Row) -> UnreadObject:
    return UnreadObject(
        object_id=row["id"],
        source=row["source"],
        key=row["key"],
        etag=row["etag"],
        size_bytes=row["size_bytes"],
        modified_at=from_milliseconds(row["modified_at"]),
        sha256=row["sha256"],
    )


def _stored(row: sqlite3.Row) -> StoredObject:
    return StoredObject(
        object_id=row["id"],
        source=row["source"],
        key=row["key"],
        etag=row["etag"],
        size_bytes=row["size_bytes"],
        modified_at=from_milliseconds(row["modified_at"]),
        sha256=row["sha256"],
        present=bool(row["present"]),
    )
