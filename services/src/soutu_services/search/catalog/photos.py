"""Photos: looked up, listed, deleted and back."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence

import numpy as np

from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.search.catalog.clock import now_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import Parameters, filter_condition, order_seen, part_visible, photo_visible
from soutu_services.search.catalog.pairs import resolved_ids, settle_pairs_of_photos
from soutu_services.search.catalog.photo_rows import load_photos
from soutu_services.search.catalog.records import IdArray, PhotoPage, Purged
from soutu_services.search.model import Filter, Photo, PhotoState
from soutu_services.search.page_tokens import list_digest, page_token, read_page_token
from soutu_services.search.visibility import Visibility

__all__ = ["Photos"]

_WHOLE_ID = 32
_SHORTEST_PREFIX = 6
_SHOWN = "p.present = 1 AND p.deleted_at IS NULL"
_SEARCHABLE = f"{_SHOWN} AND p.state != 'UNREADABLE'"


class Photos:
    """The photos of the catalog. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, photo_id: str, visibility: Visibility) -> Photo:
        """Get a photo, deleted or without objects too, by its id or by the first digits of it.

        The id of a photo that is part of another one now leads to that one; so it does wherever ids are taken.

        Args:
            photo_id: The id, or its first digits.
            visibility: What the caller may see; other photos answer as if they did not exist, and have no part in what is
                ambiguous.

        Raises:
            InvalidInput: not 6 to 32 hex digits, or several photos' ids begin with them.
            NotFound: there is no such photo.
        """
        prefix = photo_id.strip().lower()
        if not re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_PREFIX},{_WHOLE_ID}}}", prefix):
            raise InvalidInput(
                "BAD_PHOTO_ID",
                zh=f"照片编号应为 {_SHORTEST_PREFIX} 到 {_WHOLE_ID} 位十六进制数字",
                en=f"a photo id is {_SHORTEST_PREFIX} to {_WHOLE_ID} hex digits",
            )
        visible, within = photo_visible(visibility, few=True)
        part_seen, _ = part_visible(visibility)
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT p.photo_id FROM photos p WHERE p.photo_id >= :first AND p.photo_id < :end AND NOT EXISTS "
                "(SELECT 1 FROM contents c WHERE c.is_part = 1 AND c.sha256 >= p.photo_id AND c.sha256 < p.photo_id || 'g') "
                f"AND {visible} UNION SELECT p.photo_id FROM contents c JOIN photos p ON p.id = c.photo "
                f"WHERE c.is_part = 1 AND c.sha256 >= :first AND c.sha256 < :end AND {visible} AND {part_seen} LIMIT 2",
                {"first": prefix, "end": f"{prefix}g", **within},
            ).fetchall()
            if not rows:
                raise NotFound("PHOTO_NOT_FOUND", zh="找不到这张照片", en="there is no such photo")
            if len(rows) > 1:
                raise InvalidInput(
                    "AMBIGUOUS_PHOTO_ID",
                    zh="不止一张照片的编号以此开头，请多写几位",
                    en="the ids of several photos begin so; give more digits",
                )
            return load_photos(reader, [rows[0][0]], visibility)[0]

    def get_many(self, photo_ids: Sequence[str], visibility: Visibility) -> list[Photo]:
        """Get photos by their whole ids, in that order; those that do not exist, or that may not be seen, are left out."""
        with self._database.read() as reader:
            return load_photos(reader, photo_ids, visibility)

    def visible(self, photo_ids: Sequence[str], visibility: Visibility) -> set[str]:
        """Tell which of some photos, given by their whole ids, exist and may be seen."""
        condition, within = photo_visible(visibility, few=True)
        with self._database.read() as reader:
            leads_to = resolved_ids(reader, photo_ids, part_visible(visibility))
            wanted = [leads_to.get(photo_id, photo_id) for photo_id in photo_ids]
            rows = reader.execute(
                f"SELECT p.photo_id FROM photos p WHERE p.photo_id IN (SELECT value FROM json_each(:photo_ids)) AND {condition}",
                {"photo_ids": json.dumps(wanted), **within},
            )
            return {row[0] for row in rows}

    def list_page(
        self,
        photo_filter: Filter,
        visibility: Visibility,
        *,
        states: Sequence[PhotoState] = (),
        deleted: bool = False,
        limit: int = 100,
        page_token_text: str = "",
    ) -> PhotoPage:
        """List photos, the newest taken first (the time they were added stands in), a page at a time.

        Args:
            photo_filter: Which photos to consider.
            visibility: What the caller may see. Page tokens are bound to it. Confined callers see no deleted photo.
            states: Only photos in one of these; empty: any.
            deleted: Deleted photos instead of those that are shown.
            limit: How many a page.
            page_token_text: Where to go on, from the page before; empty for the first page.

        Raises:
            InvalidInput: the filter or the token cannot be right.
        """
        names = sorted({state.value for state in states})
        condition, parameters = filter_condition(photo_filter, visibility, deleted=deleted)
        digest = list_digest("photos", photo_filter, visibility, names, deleted)
        position = read_page_token(page_token_text, digest, str, str)
        where = f"{'p.deleted_at IS NOT NULL' if deleted else _SHOWN} AND {condition}"
        if names:
            where += " AND p.state IN (SELECT value FROM json_each(:states))"
            parameters["states"] = json.dumps(names)
        with self._database.read() as reader:
            total = int(reader.execute(f"SELECT count(*) FROM photos p WHERE {where}", parameters).fetchone()[0])
            rows = _newest(reader, (where, parameters), visibility, limit, position)
            photos = load_photos(reader, [row["photo_id"] for row in rows[:limit]], visibility)
        token = page_token(digest, [rows[limit - 1]["sort_at"], rows[limit - 1]["photo_id"]]) if len(rows) > limit else ""
        return PhotoPage(tuple(photos), token, total)

    def newest_searchable(
        self, photo_filter: Filter, visibility: Visibility, limit: int, *, after: tuple[str, str] | None = None
    ) -> tuple[list[Photo], tuple[str, str] | None]:
        """List searchable photos (READY or PENDING), the newest taken first.

        Returns:
            The photos, and the position to go on after; None at the end.

        Raises:
            InvalidInput: the filter cannot be right.
        """
        condition, parameters = filter_condition(photo_filter, visibility)
        with self._database.read() as reader:
            rows = _newest(
                reader, (f"{_SEARCHABLE} AND {condition}", parameters), visibility, limit, list(after) if after else None
            )
            photos = load_photos(reader, [row["photo_id"] for row in rows[:limit]], visibility)
        return photos, ((rows[limit - 1]["sort_at"], rows[limit - 1]["photo_id"]) if len(rows) > limit else None)

    def any_pending(self, photo_filter: Filter, visibility: Visibility) -> bool:
        """Tell whether a shown photo that passes the filter and may be seen waits to be embedded.

        Raises:
            InvalidInput: the filter cannot be right.
        """
        condition, parameters = filter_condition(photo_filter, visibility, few=True)
        with self._database.read() as reader:
            pending = "FROM photos p INDEXED BY photos_pending"  # few: not those that pass the filter, which may be many
            sql = f"SELECT 1 {pending} WHERE {_SHOWN} AND p.state = 'PENDING' AND {condition} LIMIT 1"
            return reader.execute(sql, parameters).fetchone() is not None

    def delete(self, photo_ids: Sequence[str]) -> list[str]:
        """Mark photos as deleted: they are not shown, and nothing but ``undelete`` brings them back.

        Move their objects afterwards (``Objects.of_photo``, ``Objects.recycle``); ``Objects.of_deleted_photos`` finds moves that
        were not finished. Objects that cannot be moved stay where they are.

        Returns:
            Those of the ids that exist; all of them are deleted now.
        """
        return self._mark(photo_ids, "deleted_at = coalesce(deleted_at, ?)", (now_milliseconds(),))

    def undelete(self, photo_ids: Sequence[str]) -> list[str]:
        """Take the mark from deleted photos. They are shown once an object of theirs is present (``Objects.restore``).

        Returns:
            Those of the ids that exist and are not purged.
        """
        with self._database.write() as writer:
            back = self._mark(photo_ids, "deleted_at = NULL", ())
            settle_pairs_of_photos(writer, back)
        return back

    def purge(self, photo_ids: Sequence[str] | None = None) -> Purged:
        """Remove deleted photos for good, with their embeddings, annotations and names; others are passed over.

        It is remembered that their contents were purged: an object that still holds one, in a source that is only read, does not
        come back by sync. Remove recycled objects and thumbnails afterwards: ``Objects.removals`` lists them until they are.

        Args:
            photo_ids: The photos; None: all that are deleted.
        """
        with self._database.write() as writer:
            selected = "deleted_at IS NOT NULL AND (? IS NULL OR photo_id IN (SELECT value FROM json_each(?)))"
            parameters = 2 * (None if photo_ids is None else json.dumps(_resolved(writer, photo_ids)),)
            rows = writer.execute(f"SELECT id, photo_id FROM photos WHERE {selected}", parameters).fetchall()
            wholes = json.dumps([row["id"] for row in rows])
            parts = writer.execute(  # the photos that these files would be by themselves
                "SELECT own.id FROM json_each(?) j CROSS JOIN contents c ON c.photo = j.value AND c.is_part = 1 "
                "CROSS JOIN photos own ON own.photo_id = substr(c.sha256, 1, 32)",
                (wholes,),
            ).fetchall()
            keys = json.dumps([row["id"] for row in (*rows, *parts)])
            within = "IN (SELECT value FROM json_each(?))"
            embeddings = writer.execute(f"SELECT id FROM embeddings WHERE photo {within}", (keys,)).fetchall()
            contents = f"IN (SELECT id FROM contents WHERE photo {within})"
            writer.execute(
                f"INSERT INTO removals SELECT 'recycle', recycle_key FROM recycled WHERE content {contents} "
                f"UNION SELECT 'thumbnails', photo_id FROM photos WHERE id {within} ON CONFLICT DO NOTHING",
                (keys, keys),
            )
            writer.execute(f"DELETE FROM recycled WHERE content {contents}", (keys,))
            writer.execute(f"UPDATE contents SET purged_at = ?, is_part = 0 WHERE photo {within}", (now_milliseconds(), keys))
            writer.execute(f"DELETE FROM words WHERE photo {within}", (keys,))  # its trigger empties the index of words
            writer.execute(f"DELETE FROM photos WHERE id {within}", (keys,))
            ids: IdArray = np.array([row["id"] for row in embeddings], dtype=np.int64)
            return Purged(tuple(row["photo_id"] for row in rows), ids)

    def poster_ms(self, photo_id: str) -> int:
        """Tell which frame of a video is its thumbnail, by its time in milliseconds."""
        with self._database.read() as reader:
            row = reader.execute("SELECT poster_ms FROM photos WHERE photo_id = ?", (photo_id,)).fetchone()
            return int(row[0]) if row is not None else 0

    def perceptual_hashes(self, visibility: Visibility) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.uint64]]]:
        """List shown photos that may be seen and have a perceptual hash, by photo id, and the hashes: uint64, shape (n,)."""
        visible, within = photo_visible(visibility)
        with self._database.read() as reader:
            rows = reader.execute(
                f"SELECT photo_id, phash FROM photos p WHERE {_SEARCHABLE} AND {visible} AND phash IS NOT NULL ORDER BY photo_id",
                within,
            ).fetchall()
        hashes = np.fromiter((row["phash"] for row in rows), dtype=np.int64, count=len(rows)).view(np.uint64)
        return [row["photo_id"] for row in rows], hashes

    def _mark(self, photo_ids: Sequence[str], assignment: str, values: tuple[object, ...]) -> list[str]:
        known = "photo_id IN (SELECT value FROM json_each(?))"
        with self._database.write() as writer:
            wanted = _resolved(writer, photo_ids)
            ids = json.dumps(wanted)
            writer.execute(f"UPDATE photos SET {assignment} WHERE {known}", (*values, ids))
            found = {row[0] for row in writer.execute(f"SELECT photo_id FROM photos WHERE {known}", (ids,))}
        return [photo_id for photo_id in wanted if photo_id in found]


def _resolved(connection: sqlite3.Connection, photo_ids: Sequence[str]) -> list[str]:
    """List the photos that ids lead to, each once."""
    leads_to = resolved_ids(connection, photo_ids)
    return list(dict.fromkeys(leads_to.get(photo_id, photo_id) for photo_id in photo_ids))


def _newest(
    reader: sqlite3.Connection,
    condition: tuple[str, Parameters],
    visibility: Visibility,
    limit: int,
    position: list[str] | None,
) -> list[sqlite3.Row]:
    """Read one row more than asked for, to tell whether there is more."""
    where, parameters = condition
    rows, sort_at = "photos p", order_seen(visibility)
    if not visibility.is_everything:  # worked out once for each photo, not wherever it is compared
        rows = f"(SELECT p.photo_id, {sort_at} AS sort_at FROM photos p WHERE {where} LIMIT -1) p"  # a limit: not taken apart
        where, sort_at = "1", "p.sort_at"
    if position is not None:
        where += f" AND ({sort_at}, p.photo_id) < (:sort_at, :photo_id)"
        parameters = {**parameters, "sort_at": position[0], "photo_id": position[1]}
    sql = f"SELECT p.photo_id, p.sort_at FROM {rows} WHERE {where} ORDER BY {sort_at} DESC, p.photo_id DESC LIMIT :limit"
    return reader.execute(sql, {**parameters, "limit": limit + 1}).fetchall()
