"""Marks by which a catalog knows the snapshots of the index that were made of it."""

from __future__ import annotations

import uuid

from soutu_services.search.catalog.database import Database

__all__ = ["SnapshotMarks"]

_KEPT = 8


class SnapshotMarks:
    """A mark is written down before its snapshot is. Thread safe.

    A catalog that was put back from a backup lacks the marks that were made after the backup, so that a snapshot which may hold
    ids that it gives once more, to other embeddings, is not taken for its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self) -> str:
        """Make a mark; it is on the disk when this returns. A catalog that knows it has given all ids that were given before."""
        mark = uuid.uuid4().hex
        with self._database.write() as writer:
            writer.execute("INSERT INTO index_snapshots (mark) VALUES (?)", (mark,))
            writer.execute(
                "DELETE FROM index_snapshots WHERE id NOT IN (SELECT id FROM index_snapshots ORDER BY id DESC LIMIT ?)", (_KEPT,)
            )
        return mark

    def knows(self, mark: str) -> bool:
        """Tell whether a mark is one of the newest of this catalog."""
        with self._database.read() as reader:
            return reader.execute("SELECT 1 FROM index_snapshots WHERE mark = ?", (mark,)).fetchone() is not None
