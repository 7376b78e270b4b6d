"""What must be true of a catalog whatever happened, verified and mended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from soutu_services.search.catalog.contents import refresh_states
from soutu_services.search.catalog.database import Database, statements_of
from soutu_services.search.catalog.names import index_new_names, index_words
from soutu_services.search.catalog.pairs import settle_all_pairs
from soutu_services.search.catalog.records import HeldObject
from soutu_services.search.catalog.schema import WORD_INDEX
from soutu_services.search.model import MatchField

__all__ = ["Verification"]

_OWNED = frozenset({"names", "embeddings", "annotations", "tags", "albums", "words", "refusals"})
"""Tables whose rows mean nothing without the photo that they belong to."""
_MOST_DAMAGE = 20
_BLOCK = 4096

_HELD = "SELECT 1 FROM objects o JOIN contents c ON c.id = o.content WHERE o.present = 1 AND c.photo = names.photo"
_NAMES_PRESENT = f"EXISTS ({_HELD} AND o.source = names.source AND o.key = names.name)"
_TEXTS = (
    "SELECT photo, 'NAME' AS field, name AS text FROM names WHERE path IS NOT NULL UNION SELECT photo, 'TAG', tag FROM tags "
    "UNION SELECT photo, 'ALBUM', album FROM albums UNION SELECT photo, 'CAPTION', caption FROM annotations WHERE caption != ''"
)
_WORDS = "SELECT photo, field, text FROM words"


class Verification:
    """Verifies the catalog. Each method returns what was wrong, and mends it if asked, in one transaction. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def damage(self) -> list[str]:
        """Say what SQLite finds wrong with the file; nothing if it is whole.

        Raises:
            DataLoss: the file is so damaged that it cannot be looked through.
        """
        with self._database.read() as reader:
            lines = [row[0] for row in reader.execute(f"PRAGMA integrity_check({_MOST_DAMAGE})")]
        return [] if lines == ["ok"] else lines

    def broken_references(self, *, repair: bool) -> tuple[list[str], int]:
        """Find rows that point to rows which are not there. Returns their tables and rows, and how many were mended."""
        with self._database.write() as writer:
            rows = writer.execute("PRAGMA foreign_key_check").fetchall()
            mended = sum(_mend_reference(writer, row) for row in rows) if repair else 0
            return [f"{row['table']} {row['rowid']}" for row in rows], mended

    def wrong_presence(self, *, repair: bool) -> list[str]:
        """Find photos of which it is not true whether their names and they are there."""

        def mend(writer: sqlite3.Connection) -> None:
            writer.execute(
                "INSERT INTO names (photo, source, name, present) SELECT c.photo, o.source, o.key, 1 FROM objects o "
                "JOIN contents c ON c.id = o.content WHERE o.present = 1 AND o.state = 'READ' AND c.photo IS NOT NULL "
                "ON CONFLICT DO NOTHING"
            )
            writer.execute(f"UPDATE names SET present = {_NAMES_PRESENT} WHERE present != {_NAMES_PRESENT}")
            index_new_names(writer)
            there = "EXISTS (SELECT 1 FROM names WHERE photo = photos.id AND names.present = 1)"
            writer.execute(f"UPDATE photos SET present = {there} WHERE present != {there}")

        watched = "SELECT p.photo_id, n.source, n.name, p.present, n.present FROM photos p LEFT JOIN names n ON n.photo = p.id"
        return self._changed(watched, mend, repair=repair)

    def wrong_pairs(self, *, repair: bool) -> list[str]:
        """Find contents, by their digests, that are part of another one's photo and should not be, or the other way round."""
        return self._changed("SELECT sha256, photo, is_part FROM contents", settle_all_pairs, repair=repair)

    def wrong_states(self, *, repair: bool) -> list[str]:
        """Find photos whose state does not follow from what is known of them; mended, what lacks its embedding waits for it."""
        return self._changed("SELECT photo_id, state FROM photos", refresh_states, repair=repair)

    def broken_vectors(self, *, repair: bool) -> list[str]:
        """Find photos with an embedding that is no vector of its space; mended, they wait to be embedded again."""
        broken: list[tuple[int, str]] = []
        after = 0
        while True:
            with self._database.read() as reader:
                rows = reader.execute(
                    "SELECT e.id, p.photo_id, e.vector, s.dimension FROM embeddings e JOIN photos p ON p.id = e.photo "
                    "JOIN spaces s ON s.id = e.space WHERE e.id > ? ORDER BY e.id LIMIT ?",
                    (after, _BLOCK),
                ).fetchall()
            if not rows:
                break
            after = rows[-1]["id"]
            broken += [(row["id"], row["photo_id"]) for row in rows if not _is_vector(row["vector"], row["dimension"])]
        if broken and repair:
            with self._database.write() as writer:
                ids = json.dumps([row_id for row_id, _ in broken])
                writer.execute("DELETE FROM embeddings WHERE id IN (SELECT value FROM json_each(?))", (ids,))
                refresh_states(writer)
        return [photo_id for _, photo_id in broken]

    def wrong_words(self, *, repair: bool) -> list[str]:
        """Find texts that are indexed and should not be, or the other way round; mended, the index of words is made anew."""
        with self._database.write() as writer:
            extra = writer.execute(f"{_WORDS} EXCEPT SELECT * FROM ({_TEXTS})").fetchall()
            missing = writer.execute(f"SELECT * FROM ({_TEXTS}) EXCEPT {_WORDS}").fetchall()
            is_broken = _is_word_index_broken(writer)
            if repair and (extra or missing or is_broken):
                writer.execute("DROP TRIGGER words_deleted")
                writer.execute("DROP TABLE word_index")
                writer.execute("DELETE FROM words")
                for statement in statements_of(WORD_INDEX):
                    writer.execute(statement)
                for row in writer.execute(_TEXTS).fetchall():
                    index_words(writer, row["photo"], MatchField(row["field"]), row["text"])
            return [row["text"] for row in (*extra, *missing)] or (["word_index"] if is_broken else [])

    def rendered_photos(self) -> tuple[set[str], set[str]]:
        """List the photos that should have a thumbnail, and all photos that there are."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT photo_id, media_type != '' AND (present = 1 OR id IN (SELECT c.photo FROM recycled r "
                "JOIN contents c ON c.id = r.content)) FROM photos"
            ).fetchall()
        return {row[0] for row in rows if row[1]}, {row[0] for row in rows}

    def videos(self) -> set[str]:
        """List the photos that several frames stand for, and whose frames should be kept."""
        with self._database.read() as reader:
            return {row[0] for row in reader.execute("SELECT photo_id FROM photos WHERE frames != ''")}

    def held_objects(self, source: str) -> Iterator[Sequence[HeldObject]]:
        """Read the present objects of a source whose content is known, some at a time."""
        after = 0
        while True:
            with self._database.read() as reader:
                rows = reader.execute(
                    "SELECT o.id, o.key, c.sha256 FROM objects o JOIN contents c ON c.id = o.content "
                    "WHERE o.source = ? AND o.present = 1 AND o.content_outdated = 0 AND o.state = 'READ' AND o.id > ? "
                    "ORDER BY o.id LIMIT ?",
                    (source, after, _BLOCK),
                ).fetchall()
            if not rows:
                return
            after = rows[-1]["id"]
            yield [HeldObject(row["id"], row["key"], row["sha256"]) for row in rows]

    def is_purged(self, sha256: str) -> bool:
        """Tell whether a content was removed for good by a person."""
        with self._database.read() as reader:
            row = reader.execute("SELECT 1 FROM contents WHERE sha256 = ? AND photo IS NULL AND purged_at NOTNULL", (sha256,))
            return row.fetchone() is not None

    def forget_recycled(self, recycled_ids: Sequence[int]) -> None:
        """Forget objects that are not in the recycle bucket any more."""
        with self._database.write() as writer:
            writer.execute("DELETE FROM recycled WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(recycled_ids)),))

    def adopt_recycled(self, sha256: str, source: str, key: str, recycle_key: str) -> None:
        """Note an object in the recycle bucket that holds a content of a deleted photo."""
        with self._database.write() as writer:
            writer.execute(
                "INSERT INTO recycled (content, source, key, recycle_key, size_bytes, modified_at) "
                "SELECT id, ?, ?, ?, size_bytes, 0 FROM contents WHERE sha256 = ? ON CONFLICT (recycle_key) DO NOTHING",
                (source, key, recycle_key, sha256),
            )
            writer.execute("DELETE FROM removals WHERE bucket = 'recycle' AND key = ?", (recycle_key,))  # it is needed again

    def _changed(self, watched: str, mend: Callable[[sqlite3.Connection], None], *, repair: bool) -> list[str]:
        """Mend, and tell which rows that changed; unless it is to be repaired, take it back."""
        with self._database.write() as writer:
            writer.execute("SAVEPOINT verification")
            before = {tuple(row) for row in writer.execute(watched)}
            mend(writer)
            after = {tuple(row) for row in writer.execute(watched)}
            if not repair:
                writer.execute("ROLLBACK TO verification")
            writer.execute("RELEASE verification")
            return sorted({str(row[0]) for row in after ^ before})


def _mend_reference(writer: sqlite3.Connection, row: sqlite3.Row) -> int:
    table, row_id = row["table"], row["rowid"]
    if table in _OWNED and row_id is not None:
        return writer.execute(f"DELETE FROM {table} WHERE rowid = ?", (row_id,)).rowcount
    if table == "refusals":
        return writer.execute("DELETE FROM refusals WHERE photo NOT IN (SELECT id FROM photos)").rowcount
    if table == "contents":
        writer.execute("UPDATE objects SET state = 'UNREAD' WHERE content = ? AND state = 'READ'", (row_id,))  # its photo anew
        return writer.execute("UPDATE contents SET photo = NULL WHERE id = ?", (row_id,)).rowcount
    if table == "objects":
        return writer.execute("UPDATE objects SET content = NULL, state = 'UNREAD' WHERE id = ?", (row_id,)).rowcount
    return 0


def _is_vector(blob: bytes, dimension: int) -> bool:
    if len(blob) != 2 * dimension:
        return False
    values = np.frombuffer(blob, dtype="<f2").astype(np.float32)
    return bool(np.isfinite(values).all() and values.any())


def _is_word_index_broken(writer: sqlite3.Connection) -> bool:
    try:
        writer.execute("INSERT INTO word_index (word_index) VALUES ('integrity-check')")
        ids = ("SELECT id FROM words", "SELECT rowid FROM word_index")
        return any(
            writer.execute(f"SELECT 1 FROM ({one} EXCEPT {other}) LIMIT 1").fetchone() is not None
            for one, other in (ids, ids[::-1])
        )
    except sqlite3.DatabaseError as error:
        if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_CORRUPT:
            raise
        return True
