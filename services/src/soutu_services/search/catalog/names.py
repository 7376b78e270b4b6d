"""Names of photos, past and present, made searchable."""

from __future__ import annotations

import sqlite3

from soutu_services.search.model import MatchField
from soutu_services.search.visibility import name_path
from soutu_services.search.words import index_tokens

__all__ = ["index_new_names", "index_words"]


def index_new_names(writer: sqlite3.Connection) -> None:
    """Make names searchable that the transaction brought: their words, and their path in Unicode NFC for the folder filter."""
    rows = writer.execute("SELECT id, photo, name FROM names WHERE path IS NULL ORDER BY id").fetchall()
    for row in rows:
        index_words(writer, row["photo"], MatchField.NAME, row["name"])
    writer.executemany("UPDATE names SET path = ? WHERE id = ?", [(name_path(row["name"]), row["id"]) for row in rows])


def index_words(writer: sqlite3.Connection, photo: int, field: MatchField, text: str) -> None:
    """Make a text about a photo searchable; once is enough."""
    cursor = writer.execute(
        "INSERT INTO words (photo, field, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (photo, field.value, text)
    )
    if cursor.rowcount:
        tokens = " ".join(index_tokens(text, is_name=field is MatchField.NAME))
        writer.execute("INSERT INTO word_index (rowid, tokens) VALUES (?, ?)", (cursor.lastrowid, tokens))
