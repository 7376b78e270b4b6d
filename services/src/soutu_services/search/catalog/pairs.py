"""Files that are one picture: a camera's raw file beside its JPEG, a Live Photo's clip beside its still.

A raw file or a short clip is part of a still's photo while each file that holds it lies in the same folder, and under the same
name but for the extension, as one that holds the still. That follows from what lies where, in whatever order it came, and is
settled anew wherever that changes. The row of the photo that a part would be by itself stays, without a name that it could be
found by, and keeps its reading and its embeddings: it costs nothing to let the part stand alone again. The ids of such photos
lead to the one that they are part of.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from soutu_services.search.catalog.clock import now_milliseconds
from soutu_services.search.catalog.names import index_new_names, index_words
from soutu_services.search.catalog.taken_times import settle_taken_time
from soutu_services.search.model import MatchField

__all__ = ["LONGEST_CLIP_MS", "PARTS", "resolved_ids", "settle_all_pairs", "settle_pairs", "settle_pairs_of_photos", "stem_of"]

LONGEST_CLIP_MS = 6000
"""Longest video that counts as a Live Photo's: phones write up to three seconds, and some a little more."""
PARTS = "(c.media_type = 'image/x-raw' OR c.media_type LIKE 'video/%')"
"""Condition on a content, called ``c``, that it can be part of another photo."""

_RAW = "image/x-raw"
_STILLS = ("image/jpeg", "image/heic", "image/heif")
"""What others can be part of, the one to prefer first."""
_SAME_SHOT = timedelta(seconds=2)
_SAME_CLIP = timedelta(seconds=60)
_BESIDE = "{0}.source = {1}.source AND {0}.folder = {1}.folder AND {0}.stem = {1}.stem AND {0}.present = 1"
_LABELS = {"tags": ("tag", MatchField.TAG), "albums": ("album", MatchField.ALBUM)}
_MOST_CAPTION_CHARACTERS = 2000


def stem_of(key: str) -> str:
    """Tell what files of one picture have in common in their names: all but folders and extension, whatever its case."""
    name = key.rpartition("/")[2]
    return unicodedata.normalize("NFC", name.rpartition(".")[0] or name).casefold()


def settle_pairs(writer: sqlite3.Connection, source: str, keys: Iterable[str]) -> None:
    """Settle what is part of what where objects came, changed or went."""
    rows = writer.execute(
        "WITH touched AS MATERIALIZED "
        "(SELECT o.* FROM json_each(:keys) k CROSS JOIN objects o ON o.source = :source AND o.key = k.value) "
        f"SELECT c.id FROM touched o CROSS JOIN objects s ON {_BESIDE.format('s', 'o')} "
        f"CROSS JOIN contents c ON c.id = s.content WHERE c.photo IS NOT NULL AND {PARTS} "
        f"UNION SELECT c.id FROM touched o CROSS JOIN contents c ON c.id = o.content WHERE c.photo IS NOT NULL AND {PARTS}",
        {"source": source, "keys": json.dumps(list(keys))},
    ).fetchall()
    for row in rows:
        _settle(writer, row["id"])


def settle_pairs_of_photos(writer: sqlite3.Connection, photo_ids: Sequence[str]) -> None:
    """Settle what is part of what where objects of some photos lie."""
    rows = writer.execute(
        "SELECT o.source, o.key FROM json_each(?) j CROSS JOIN photos p ON p.photo_id = j.value "
        "CROSS JOIN contents c ON c.photo = p.id CROSS JOIN objects o ON o.content = c.id WHERE o.present = 1",
        (json.dumps(list(photo_ids)),),
    ).fetchall()
    for source in {row["source"] for row in rows}:
        settle_pairs(writer, source, [row["key"] for row in rows if row["source"] == source])


def settle_all_pairs(writer: sqlite3.Connection) -> None:
    """Settle what is part of what everywhere."""
    for row in writer.execute(f"SELECT c.id FROM contents c WHERE c.photo IS NOT NULL AND {PARTS}").fetchall():
        _settle(writer, row["id"])


def resolved_ids(
    connection: sqlite3.Connection, photo_ids: Sequence[str], seen: tuple[str, Mapping[str, object]] = ("1", {})
) -> dict[str, str]:
    """Map ids of photos that are part of others now to the ids of those; others, and parts that are not seen, are left out.

    Args:
        connection: A connection.
        photo_ids: Whole ids.
        seen: The condition ``part_visible``.
    """
    condition, parameters = seen
    rows = connection.execute(
        "SELECT j.value AS asked, p.photo_id FROM json_each(:photo_ids) j "
        "CROSS JOIN contents c ON c.sha256 >= j.value AND c.sha256 < j.value || 'g' AND length(j.value) = 32 "
        f"CROSS JOIN photos p ON p.id = c.photo WHERE c.is_part = 1 AND {condition}",
        {"photo_ids": json.dumps(list(photo_ids)), **parameters},
    )
    return {row["asked"]: row["photo_id"] for row in rows}


def _settle(writer: sqlite3.Connection, content: int) -> None:
    part = writer.execute(
        "SELECT c.*, own.id AS own, own.deleted_at AS own_deleted_at, p.deleted_at "
        "FROM contents c JOIN photos p ON p.id = c.photo "
        "LEFT JOIN photos own ON own.photo_id = substr(c.sha256, 1, 32) WHERE c.id = ?",
        (content,),
    ).fetchone()
    if part["own"] is None or part["deleted_at"] is not None or part["own_deleted_at"] is not None:
        return
    objects = writer.execute("SELECT count(*) FROM objects WHERE content = ? AND present = 1", (content,)).fetchone()[0]
    if not objects or _is_undecided(writer, content):
        return
    wholes = [row for row in _stills_beside(writer, content) if row["beside"] == objects and _belongs(part, row)]
    best = min(wholes, key=lambda row: (_STILLS.index(row["media_type"]), row["sha256"]), default=None)
    photo = best["photo"] if best is not None else part["own"]
    if photo == part["photo"]:
        return
    if part["photo"] != part["own"]:
        _leave(writer, part)
    if photo != part["own"]:
        _join(writer, part, photo)


def _is_undecided(writer: sqlite3.Connection, content: int) -> bool:
    """Whether a file beside a content has not been read yet, which will settle it."""
    row = writer.execute(
        f"SELECT 1 FROM objects o CROSS JOIN objects s ON {_BESIDE.format('s', 'o')} "
        "WHERE o.content = ? AND o.present = 1 AND s.state = 'UNREAD' LIMIT 1",
        (content,),
    )
    return row.fetchone() is not None


def _stills_beside(writer: sqlite3.Connection, content: int) -> list[sqlite3.Row]:
    """List the stills that lie beside a content, each with beside how many of its objects."""
    return writer.execute(
        f"SELECT c.*, count(DISTINCT o.id) AS beside FROM objects o CROSS JOIN objects s ON {_BESIDE.format('s', 'o')} "
        "CROSS JOIN contents c ON c.id = s.content CROSS JOIN photos p ON p.id = c.photo "
        "WHERE o.content = ? AND o.present = 1 AND c.media_type IN (?, ?, ?) AND p.deleted_at IS NULL GROUP BY c.id",
        (content, *_STILLS),
    ).fetchall()


def _belongs(part: sqlite3.Row, still: sqlite3.Row) -> bool:
    """Whether two contents can be of one shot: cameras give names again, and some write a still beside each video."""
    if part["media_type"] == _RAW:
        if part["taken_local"] is None or still["taken_local"] is None:
            return True
        return abs(_clock(part) - _clock(still)) <= _SAME_SHOT
    if not 0 < (part["duration_ms"] or 0) <= LONGEST_CLIP_MS:
        return False
    if part["taken_offset_minutes"] is None or still["taken_offset_minutes"] is None:
        return True
    apart = timedelta(minutes=part["taken_offset_minutes"] - still["taken_offset_minutes"])
    return abs(_clock(part) - _clock(still) - apart) <= _SAME_CLIP


def _clock(row: sqlite3.Row) -> datetime:
    return datetime.fromisoformat(row["taken_local"])


def _join(writer: sqlite3.Connection, part: sqlite3.Row, whole: int) -> None:
    own = part["own"]
    writer.execute("UPDATE contents SET photo = ?, is_part = 1 WHERE id = ?", (whole, part["id"]))
    _move_names(writer, own, whole, "1", ())
    _give_annotations(writer, own, whole)
    _give_times(writer, own, whole)
    for table in ("annotations", "tags", "albums"):
        writer.execute(f"DELETE FROM {table} WHERE photo = ?", (own,))
    writer.execute("DELETE FROM words WHERE photo = ? AND field != ?", (own, MatchField.NAME.value))
    _refresh_presence(writer, own, whole)


def _leave(writer: sqlite3.Connection, part: sqlite3.Row) -> None:
    own, whole = part["own"], part["photo"]
    writer.execute("UPDATE contents SET photo = ?, is_part = 0 WHERE id = ?", (own, part["id"]))
    of_content = "EXISTS (SELECT 1 FROM objects o WHERE o.source = n.source AND o.key = n.name AND o.content = ?)"
    _move_names(writer, whole, own, of_content, (part["id"],))
    _give_annotations(writer, whole, own)
    _give_times(writer, whole, own)
    writer.execute("UPDATE photos SET pending_since = ? WHERE id = ?", (now_milliseconds(), own))
    _refresh_presence(writer, own, whole)


def _move_names(writer: sqlite3.Connection, old: int, new: int, condition: str, parameters: tuple[object, ...]) -> None:
    rows = writer.execute(
        f"SELECT n.* FROM names n WHERE n.photo = ? AND {condition} ORDER BY n.id", (old, *parameters)
    ).fetchall()
    for row in rows:
        writer.execute("DELETE FROM names WHERE id = ?", (row["id"],))
        writer.execute(
            "INSERT INTO names (photo, source, name, present, alias) VALUES (?, ?, ?, ?, ?) ON CONFLICT (photo, source, name) "
            "DO UPDATE SET present = max(present, excluded.present), alias = max(alias, excluded.alias)",
            (new, row["source"], row["name"], row["present"], row["alias"]),
        )
    writer.execute(
        "DELETE FROM words WHERE photo = ? AND field = ? AND text NOT IN (SELECT name FROM names WHERE photo = ?)",
        (old, MatchField.NAME.value, old),
    )
    index_new_names(writer)


def _give_annotations(writer: sqlite3.Connection, giver: int, taker: int) -> None:
    """Let a photo have what people added to another one too."""
    given = writer.execute("SELECT favourite, caption FROM annotations WHERE photo = ?", (giver,)).fetchone()
    if given is not None:
        had = writer.execute("SELECT favourite, caption FROM annotations WHERE photo = ?", (taker,)).fetchone()
        caption = _both_captions(had["caption"] if had else "", given["caption"])
        writer.execute(
            "INSERT INTO annotations (photo, favourite, caption) VALUES (?, ?, ?) ON CONFLICT (photo) "
            "DO UPDATE SET favourite = max(favourite, excluded.favourite), caption = excluded.caption",
            (taker, given["favourite"], caption),
        )
        writer.execute("DELETE FROM words WHERE photo = ? AND field = ?", (taker, MatchField.CAPTION.value))
        if caption:
            index_words(writer, taker, MatchField.CAPTION, caption)
    for table, (column, field) in _LABELS.items():
        for row in writer.execute(f"SELECT {column} AS label FROM {table} WHERE photo = ? ORDER BY id", (giver,)).fetchall():
            writer.execute(f"INSERT INTO {table} (photo, {column}) VALUES (?, ?) ON CONFLICT DO NOTHING", (taker, row["label"]))
            index_words(writer, taker, field, row["label"])


def _give_times(writer: sqlite3.Connection, giver: int, taker: int) -> None:
    """Let a photo have what people and other programs told of another one, where nothing was told of it."""
    writer.execute(
        "UPDATE photos SET person_local = coalesce(photos.person_local, g.person_local), "
        "told_local = coalesce(photos.told_local, g.told_local), "
        "longitude = CASE WHEN photos.latitude IS NULL THEN g.longitude ELSE photos.longitude END, "
        "latitude = coalesce(photos.latitude, g.latitude) FROM photos g WHERE g.id = ? AND photos.id = ?",
        (giver, taker),
    )
    writer.execute("INSERT INTO tellings SELECT ?, digest FROM tellings WHERE photo = ? ON CONFLICT DO NOTHING", (taker, giver))
    settle_taken_time(writer, taker)


def _both_captions(had: str, given: str) -> str:
    if not given or given in had:
        return had
    both = f"{had}\n{given}" if had else given
    return both if len(both) <= _MOST_CAPTION_CHARACTERS else had


def _refresh_presence(writer: sqlite3.Connection, *photos: int) -> None:
    for photo in photos:
        writer.execute(
            "UPDATE photos SET present = EXISTS (SELECT 1 FROM names WHERE photo = photos.id AND present = 1) WHERE id = ?",
            (photo,),
        )
