"""Listings of sources compared with what the catalog has of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from soutu_services.search.catalog.clock import now_milliseconds, to_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.names import index_new_names
from soutu_services.search.catalog.pairs import settle_pairs, stem_of
from soutu_services.search.catalog.records import SeenObject, SeenResult

__all__ = ["compare_listing", "judge_listing", "write_object"]


def compare_listing(database: Database, source: str, seen: Sequence[SeenObject]) -> SeenResult:
    """Take over what a listing shows; ``Objects.record_seen`` says how."""
    counts = dict.fromkeys(("new", "changed", "returned", "unchanged", "ignored"), 0)
    with database.read() as reader:
        known = _known(reader, source, seen)
        verdicts = [(item, _verdict(item, known.get(item.key))) for item in seen]
    work = [(item, verdict) for item, verdict in verdicts if verdict != "unchanged"]
    if work:
        with database.write() as writer:  # judged again: another thread may have written the same objects meanwhile
            known.update(_known(writer, source, [item for item, _ in work]))
            verdicts = [(item, _verdict(item, known.get(item.key))) for item in seen]
            for item, verdict in verdicts:
                if verdict in _SEEN_STATEMENTS:
                    writer.execute(_SEEN_STATEMENTS[verdict], _seen_values(source, item))
            index_new_names(writer)
            settle_pairs(
                writer, source, [item.key for item, verdict in verdicts if verdict in ("changed", "returned", "ignored")]
            )
    for item, verdict in verdicts:
        counts["ignored" if item.ignored else verdict] += 1
    return SeenResult(**counts)


def judge_listing(database: Database, source: str, seen: Sequence[SeenObject]) -> dict[str, str]:
    """Say of the keys of a listing what is to be done about them (new, changed, returned); nothing is changed."""
    with database.read() as reader:
        known = _known(reader, source, seen)
        verdicts = {item.key: _verdict(item, known.get(item.key)) for item in seen if not item.ignored}
    return {key: verdict for key, verdict in verdicts.items() if verdict in {"new", "changed", "returned"}}


def write_object(writer: sqlite3.Connection, source: str, item: SeenObject) -> None:
    """Write an object's row, over the one that is there, without saying what it holds."""
    writer.execute(_SEEN_STATEMENTS["new"], _seen_values(source, item))


_SEEN_STATEMENTS = {
    # Also over a row that is there, for put.
    "new": "INSERT INTO objects (source, key, folder, stem, extension, etag, size_bytes, modified_at, state, seen_at) "
    "VALUES (:source, :key, :folder, :stem, :extension, :etag, :size_bytes, :modified_at, :state, :now) "
    "ON CONFLICT (source, key) DO UPDATE SET "
    "etag = excluded.etag, size_bytes = excluded.size_bytes, modified_at = excluded.modified_at",
    # What a gone object held says nothing of what is there now.
    "changed": "UPDATE objects SET etag = :etag, size_bytes = :size_bytes, modified_at = :modified_at, state = :state, "
    "seen_at = :now, content = CASE WHEN present = 1 AND :state = 'UNREAD' THEN content END, content_outdated = 1, present = 1 "
    "WHERE source = :source AND key = :key",
    "returned": "UPDATE objects SET present = 1 WHERE source = :source AND key = :key",
    "ignored": "UPDATE objects SET etag = :etag, size_bytes = :size_bytes, modified_at = :modified_at, state = 'IGNORED', "
    "content = NULL, present = 1 WHERE source = :source AND key = :key",
}


def _known(connection: sqlite3.Connection, source: str, seen: Sequence[SeenObject]) -> dict[str, sqlite3.Row]:
    rows = connection.execute(
        "SELECT key, etag, size_bytes, modified_at, present, state, seen_at FROM objects "
        "WHERE source = ? AND key IN (SELECT value FROM json_each(?))",
        (source, json.dumps([item.key for item in seen])),
    )
    return {row["key"]: row for row in rows}


def _verdict(item: SeenObject, row: sqlite3.Row | None) -> str:
    if row is None:
        return "new"
    if not _is_unchanged(item, row):
        return "changed"
    if item.ignored and row["state"] != "IGNORED":
        return "ignored"
    return "unchanged" if row["present"] else "returned"


def _is_unchanged(item: SeenObject, row: sqlite3.Row) -> bool:
    if item.size_bytes != row["size_bytes"]:
        return False
    etag = item.etag.strip('"')
    if etag and row["etag"]:
        return bool(etag == row["etag"])
    seen, known = to_milliseconds(item.modified_at), int(row["modified_at"])
    if seen % 1000 == 0 or known % 1000 == 0:  # headers tell whole seconds, listings often more
        return seen // 1000 == known // 1000
    return seen == known


def _seen_values(source: str, item: SeenObject) -> dict[str, str | int]:
    folder, _, name = item.key.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return {
        "source": source,
        "key": item.key,
        "folder": folder,
        "stem": stem_of(item.key),
        "extension": f".{extension.lower()}" if stem and dot else "",
        "etag": item.etag.strip('"'),
        "size_bytes": item.size_bytes,
        "modified_at": to_milliseconds(item.modified_at),
        "state": "IGNORED" if item.ignored else "UNREAD",
        "now": now_milliseconds(),
    }
