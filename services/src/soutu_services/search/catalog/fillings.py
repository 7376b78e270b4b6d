"""How far spaces are filled with the library's photos, and which photos their models refuse."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.catalog.contents import refresh_states
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.records import Filling
from soutu_services.search.catalog.vectors import space_row
from soutu_services.search.model import UnreadableReason

__all__ = ["Fillings"]

_BATCH = 2000
"""Rows that are removed in one transaction: whoever else writes waits for no more."""
_MODEL_FAILED = UnreadableReason.MODEL_FAILED.value


class Fillings:
    """What the spaces have of the photos, and what they cannot have. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self, space_id: str, passed_over: Collection[str] = ()) -> Filling:
        """Count how far a space is filled with the shown photos that have been read.

        Args:
            space_id: The space.
            passed_over: Ids of photos that nobody waits for now; those that are left are counted apart.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            row = reader.execute(
                "WITH wanted AS MATERIALIZED (SELECT p.photo_id, p.state, "
                "EXISTS (SELECT 1 FROM embeddings e WHERE e.photo = p.id AND e.space = :space) AS embedded, "
                "EXISTS (SELECT 1 FROM refusals r WHERE r.photo = p.id AND r.space = :space) AS refused "
                "FROM photos p WHERE p.present = 1 AND p.deleted_at IS NULL AND p.read_at IS NOT NULL "
                f"AND (p.unreadable_reason IS NULL OR p.unreadable_reason = '{_MODEL_FAILED}')), "
                "remaining AS (SELECT state, photo_id IN (SELECT value FROM json_each(:passed_over)) AS passed_over "
                "FROM wanted WHERE NOT embedded AND NOT refused) "
                "SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM wanted WHERE refused AND NOT embedded), "
                "(SELECT count(*) FROM remaining WHERE NOT passed_over), "
                "(SELECT count(*) FROM remaining WHERE NOT passed_over AND state = 'READY'), "
                "(SELECT count(*) FROM remaining WHERE passed_over)",
                {"space": space["id"], "passed_over": json.dumps(list(passed_over))},
            ).fetchone()
        return Filling(photos=row[0], refused=row[1], left=row[2], left_ready=row[3], passed_over=row[4])

    def refuse(self, space_id: str, photo_ids: Sequence[str]) -> None:
        """Note that a space's model refuses photos; where it is the one that serves, the photos are UNREADABLE.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        of_ids = "SELECT id FROM photos WHERE photo_id IN (SELECT value FROM json_each(?))"
        ids = json.dumps(list(photo_ids))
        with self._database.write() as writer:
            space = space_row(writer, space_id)
            writer.execute(
                "INSERT INTO refusals (photo, space) SELECT id, ? FROM photos "
                "WHERE photo_id IN (SELECT value FROM json_each(?)) ON CONFLICT DO NOTHING",
                (space["id"], ids),
            )
            if space["serving"]:
                writer.execute(f"UPDATE photos SET unreadable_reason = ? WHERE id IN ({of_ids})", (_MODEL_FAILED, ids))
                refresh_states(writer, of_ids, (ids,))

    def try_refused_again(self, space_id: str) -> None:
        """Forget which photos the model of a space that does not serve has refused: it is asked for them again.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.write() as writer:
            writer.execute("DELETE FROM refusals WHERE space = ?", (space_row(writer, space_id)["id"],))

    def forget(self, space_id: str) -> int:
        """Remove a space with its embeddings, some at a time: an end in between leaves a space that serves no more.

        Returns:
            How many photos had an embedding in it.

        Raises:
            FailedPrecondition: the space is not registered, or it serves.
        """
        with self._database.write() as writer:
            space = space_row(writer, space_id)
            if space["serving"]:
                raise FailedPrecondition(
                    "SPACE_SERVES",
                    zh="搜索正在使用这个向量空间，不能删除；请先用 soutu reindex 换用别的模型",
                    en="queries are answered from this space, so it stays; take another model over first, with soutu reindex",
                )
            photos = writer.execute("SELECT count(DISTINCT photo) FROM embeddings WHERE space = ?", (space["id"],)).fetchone()[0]
            writer.execute("UPDATE spaces SET served_at = NULL WHERE id = ?", (space["id"],))
            writer.execute("DELETE FROM refusals WHERE space = ?", (space["id"],))
        removed = _BATCH
        while removed == _BATCH:
            with self._database.write() as writer:
                removed = writer.execute(
                    "DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE space = ? LIMIT ?)",
                    (space["id"], _BATCH),
                ).rowcount
        with self._database.write() as writer:
            writer.execute("DELETE FROM embeddings WHERE space = ?", (space["id"],))  # what came meanwhile
            writer.execute("DELETE FROM refusals WHERE space = ?", (space["id"],))
            writer.execute("DELETE FROM spaces WHERE id = ?", (space["id"],))
        return int(photos)
