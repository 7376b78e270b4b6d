"""Annotations: what people add to photos."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence

from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.names import index_words
from soutu_services.search.catalog.pairs import resolved_ids
from soutu_services.search.catalog.photo_rows import load_photos
from soutu_services.search.catalog.records import AnnotationChange
from soutu_services.search.catalog.taken_times import set_person_time, taken_time
from soutu_services.search.model import MatchField, Photo
from soutu_services.search.visibility import EVERYTHING

__all__ = [
    "MAX_CAPTION_CHARACTERS",
    "MAX_LABELS",
    "MAX_LABEL_CHARACTERS",
    "Annotating",
    "clean_caption",
    "clean_labels",
    "write_caption",
    "write_favourite",
    "write_labels",
]

MAX_LABEL_CHARACTERS = 100
"""Longest tag or album name."""
MAX_LABELS = 200
"""Most tags, and most albums, that one photo may have."""
MAX_CAPTION_CHARACTERS = 2000
"""Longest caption."""

_MOST_DECOMPOSED = 4
"""Characters that Unicode writes one character with in its decomposed form (NFD), at most."""


class Annotating:
    """Changes annotations. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def annotate(self, photo_ids: Sequence[str], change: AnnotationChange) -> list[Photo]:
        """Change the annotations of photos, all or none. Tags and albums are trimmed and in Unicode NFC.

        Returns:
            The photos as they are now, in the order of the ids.

        Raises:
            NotFound: one of the photos does not exist.
            InvalidInput: a tag, an album or the caption is empty, too long or has control characters, or there are too many; or
                the taken time is none.
        """
        labels = {
            "tags": (clean_labels(change.add_tags), clean_labels(change.remove_tags)),
            "albums": (clean_labels(change.add_albums), clean_labels(change.remove_albums)),
        }
        caption = None if change.caption is None else clean_caption(change.caption)
        taken = taken_time(change.taken_local_time) if change.taken_local_time else None
        with self._database.write() as writer:
            for photo in self._keys(writer, photo_ids):
                if change.favourite is not None:
                    write_favourite(writer, photo, change.favourite)
                if caption is not None:
                    write_caption(writer, photo, caption)
                if change.taken_local_time is not None:
                    set_person_time(writer, photo, taken)
                for table, (added, removed) in labels.items():
                    write_labels(writer, photo, table, added, removed)
            return load_photos(writer, photo_ids, EVERYTHING)

    @staticmethod
    def _keys(writer: sqlite3.Connection, photo_ids: Sequence[str]) -> list[int]:
        leads_to = resolved_ids(writer, photo_ids)
        wanted = {leads_to.get(photo_id, photo_id) for photo_id in photo_ids}
        rows = writer.execute(
            "SELECT id FROM photos WHERE photo_id IN (SELECT value FROM json_each(?))", (json.dumps(list(wanted)),)
        ).fetchall()
        if len(rows) != len(wanted):
            raise NotFound(
                "PHOTO_NOT_FOUND",
                zh="其中有找不到的照片，什么都没有改动",
                en="one of the photos does not exist; nothing was changed",
            )
        return [row["id"] for row in rows]


def write_favourite(writer: sqlite3.Connection, photo: int, is_favourite: bool) -> None:
    """Make a photo a favourite, or not."""
    _annotate(writer, photo, "favourite", is_favourite)


def write_caption(writer: sqlite3.Connection, photo: int, caption: str) -> None:
    """Replace a photo's caption; empty removes it."""
    _annotate(writer, photo, "caption", caption)
    writer.execute("DELETE FROM words WHERE photo = ? AND field = ?", (photo, MatchField.CAPTION.value))
    if caption:
        index_words(writer, photo, MatchField.CAPTION, caption)


def _annotate(writer: sqlite3.Connection, photo: int, column: str, value: bool | str) -> None:
    writer.execute(
        f"INSERT INTO annotations (photo, {column}) VALUES (?, ?) ON CONFLICT (photo) DO UPDATE SET {column} = excluded.{column}",
        (photo, value),
    )


def write_labels(writer: sqlite3.Connection, photo: int, table: str, added: Sequence[str], removed: Sequence[str] = ()) -> None:
    """Remove labels from a photo and add others; ``table`` is ``tags`` or ``albums``.

    Raises:
        InvalidInput: there are too many then.
    """
    column = {"tags": "tag", "albums": "album"}[table]
    field = {"tags": MatchField.TAG, "albums": MatchField.ALBUM}[table]
    for label in removed:
        writer.execute(f"DELETE FROM {table} WHERE photo = ? AND {column} = ?", (photo, label))
        writer.execute("DELETE FROM words WHERE photo = ? AND field = ? AND text = ?", (photo, field.value, label))
    for label in added:
        writer.execute(f"INSERT INTO {table} (photo, {column}) VALUES (?, ?) ON CONFLICT DO NOTHING", (photo, label))
        index_words(writer, photo, field, label)
    if added and writer.execute(f"SELECT count(*) FROM {table} WHERE photo = ?", (photo,)).fetchone()[0] > MAX_LABELS:
        raise InvalidInput(
            "TOO_MANY_LABELS",
            zh=f"一张照片最多 {MAX_LABELS} 个标签和 {MAX_LABELS} 个相册",
            en=f"a photo has at most {MAX_LABELS} tags and {MAX_LABELS} albums",
        )


def clean_labels(labels: Iterable[str]) -> list[str]:
    """Trim tags or albums and put them into Unicode NFC, each once.

    Raises:
        InvalidInput: one is empty, too long or has control characters.
    """
    clean = [_normalised(label, MAX_LABEL_CHARACTERS) for label in labels]
    for label in clean:
        if not label or len(label) > MAX_LABEL_CHARACTERS or _has_control_characters(label):
            raise InvalidInput(
                "BAD_LABEL",
                zh=f"标签和相册名应为 1 到 {MAX_LABEL_CHARACTERS} 个字，不含换行等控制字符",
                en=f"a tag or album has 1 to {MAX_LABEL_CHARACTERS} characters, without line breaks or other control characters",
            )
    return list(dict.fromkeys(clean))


def clean_caption(caption: str) -> str:
    """Trim a caption and put it into Unicode NFC.

    Raises:
        InvalidInput: it is too long or has control characters.
    """
    clean = _normalised(caption, MAX_CAPTION_CHARACTERS)
    if len(clean) > MAX_CAPTION_CHARACTERS or _has_control_characters(clean.replace("\n", "").replace("\t", "")):
        raise InvalidInput(
            "BAD_CAPTION",
            zh=f"说明最多 {MAX_CAPTION_CHARACTERS} 个字，不含控制字符",
            en=f"a caption has at most {MAX_CAPTION_CHARACTERS} characters, without control characters",
        )
    return clean


def _normalised(text: str, most_characters: int) -> str:
    """Trim a text and put it into Unicode NFC; what is too long in any form comes back as it is, for that takes long."""
    text = text.strip()
    return text if len(text) > _MOST_DECOMPOSED * most_characters else unicodedata.normalize("NFC", text).strip()


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)
