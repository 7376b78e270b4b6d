"""What the catalog's file says, read with SQLite alone: by nothing of the service that wrote it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["CatalogFacts", "read_catalog", "work_under_way"]

_PHOTO = "JOIN photos p ON p.id = c.photo"
_HELD = f"SELECT p.photo_id, o.key, c.sha256 FROM objects o JOIN contents c ON c.id = o.content {_PHOTO} WHERE o.present = 1"
_RECYCLED = f"SELECT p.photo_id, r.recycle_key, c.sha256 FROM recycled r JOIN contents c ON c.id = r.content {_PHOTO}"
_VECTORS = (
    "SELECT p.photo_id, e.vector FROM embeddings e JOIN photos p ON p.id = e.photo JOIN spaces s ON s.id = e.space "
    "WHERE s.serving = 1"
)
_INGEST = (
    "SELECT EXISTS (SELECT 1 FROM objects WHERE present = 1 AND state = 'UNREAD') "
    "OR EXISTS (SELECT 1 FROM photos WHERE present = 1 AND deleted_at IS NULL AND state = 'PENDING')"
)


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """The rows that matter. ``held`` and ``recycled`` are keys and digests by photo; ``vectors`` are those of what serves."""

    photos: dict[str, sqlite3.Row]
    held: dict[str, list[tuple[str, str]]]
    recycled: dict[str, list[tuple[str, str]]]
    captions: dict[str, str]
    vectors: dict[str, np.ndarray]
    jobs: Counter[str]

    def is_shown(self, photo_id: str) -> bool:
        row = self.photos.get(photo_id)
        return row is not None and bool(row["present"]) and row["deleted_at"] is None

    def is_ready(self, photo_id: str) -> bool:
        return self.is_shown(photo_id) and self.photos[photo_id]["state"] == "READY"


def read_catalog(path: Path) -> CatalogFacts:
    """Read it in one transaction, beside the service that may be writing to it."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as catalog:
        catalog.row_factory = sqlite3.Row
        catalog.execute("BEGIN")
        return CatalogFacts(
            photos={row["photo_id"]: row for row in catalog.execute("SELECT * FROM photos")},
            held=_by_photo(catalog, _HELD),
            recycled=_by_photo(catalog, _RECYCLED),
            captions={
                row[0]: row[1]
                for row in catalog.execute("SELECT p.photo_id, a.caption FROM annotations a JOIN photos p ON p.id = a.photo")
            },
            vectors={row[0]: np.frombuffer(row[1], "<f2").astype(np.float32) for row in catalog.execute(_VECTORS)},
            jobs=Counter(f"{kind} {state}" for kind, state in catalog.execute("SELECT kind, state FROM jobs")),
        )


def work_under_way(path: Path) -> set[str]:
    """Tell what a service that stands still was at, of ``ingest`` and its kinds of jobs; read from a copy, its files stay."""
    with tempfile.TemporaryDirectory(prefix="soutu-torture-look-") as folder:
        for suffix in ("", "-wal"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as catalog:
            if not catalog.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
                return set()
            work = {kind.lower() for (kind,) in catalog.execute("SELECT kind FROM jobs WHERE state = 'RUNNING'")}
            return work | ({"ingest"} if catalog.execute(_INGEST).fetchone()[0] else set())


def _by_photo(catalog: sqlite3.Connection, query: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for photo_id, key, sha256 in catalog.execute(query):
        found[photo_id].append((key, sha256))
    return found
