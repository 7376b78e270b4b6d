"""Objects that a listing lacked, too many of them to be taken for deleted: they wait for a person's word, or have it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

from soutu_services.search.catalog.database import Database

__all__ = ["MissingObjects"]

_BATCH = 1000
_WAITS, _CONFIRMED = 1, 2


class MissingObjects:
    """Which present objects are missing, over a restart too. Thread safe.

    A word is about the objects that are missing when it is given. An object that is seen again needs another one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> dict[str, int]:
        """Count the objects that wait for a person's word, by source."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT source, count(*) FROM objects WHERE present = 1 AND missing > 0 AND missing = ? GROUP BY source",
                (_WAITS,),
            )
            return dict(rows.fetchall())

    def examples(self, source: str, limit: int) -> tuple[str, ...]:
        """Name some of the objects that wait for a word, by their keys in order."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT key FROM objects WHERE source = ? AND present = 1 AND missing > 0 AND missing = ? ORDER BY key LIMIT ?",
                (source, _WAITS, limit),
            )
            return tuple(row[0] for row in rows)

    def confirm(self, source: str) -> int:
        """Note a person's word that what waits in a source is gone; return how many objects that are."""
        with self._database.write() as writer:
            return writer.execute(
                "UPDATE objects SET missing = ? WHERE source = ? AND present = 1 AND missing > 0 AND missing = ?",
                (_CONFIRMED, source, _WAITS),
            ).rowcount

    def confirmed(self, source: str) -> set[str]:
        """List the keys that a person said are gone."""
        return {key for key, missing in self._known(source).items() if missing == _CONFIRMED}

    def note(self, source: str, keys: Collection[str]) -> None:
        """Note which objects of a source wait for a word from now on; all others do not, nor has any of them one any more."""
        known = self._known(source)
        self._set(source, _WAITS, set(keys) - known.keys())
        self._set(source, 0, known.keys() - set(keys))

    def tags(self, source: str, keys: Iterable[str]) -> Iterator[tuple[str, str, int]]:
        """Yield (key, entity tag, size) of objects."""
        for some in _batches(keys):
            with self._database.read() as reader:
                yield from reader.execute(
                    "SELECT key, etag, size_bytes FROM objects WHERE source = ? AND key IN (SELECT value FROM json_each(?))",
                    (source, json.dumps(some)),
                ).fetchall()

    def _known(self, source: str) -> dict[str, int]:
        with self._database.read() as reader:
            rows = reader.execute("SELECT key, missing FROM objects WHERE source = ? AND present = 1 AND missing > 0", (source,))
            return dict(rows.fetchall())

    def _set(self, source: str, missing: int, keys: Iterable[str]) -> None:
        """Write marks, some at a time: others write in between."""
        for some in _batches(keys):
            with self._database.write() as writer:
                writer.execute(
                    "UPDATE objects SET missing = ? WHERE source = ? AND key IN (SELECT value FROM json_each(?))",
                    (missing, source, json.dumps(some)),
                )


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    keys = list(keys)
    for begin in range(0, len(keys), _BATCH):
        yield keys[begin : begin + _BATCH]
