"""A data folder with a catalog of as many photos as are asked for, written by few statements."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soutu_services.search.catalog import Catalog

__all__ = ["SPACE", "make_catalog", "photo_id"]

SPACE = hashlib.sha256(b"bench").hexdigest()[:32]
_NOW = 1_764_410_000_000


def photo_id(number: int) -> str:
    """Name a photo by its number."""
    return hashlib.sha256(b"%d" % number).hexdigest()[:32]


def make_catalog(path: Path, blocks: Iterable[npt.NDArray[np.float32]], *, dimension: int, waiting: int = 0) -> None:
    """Write a catalog.

    Args:
        path: The file, which is not there.
        blocks: Embeddings of photos, in their order; the first gets id 1.
        dimension: Length of an embedding.
        waiting: Further photos that are read, but not embedded.
    """
    with Catalog.open(path) as catalog:
        catalog.embeddings.register_space(SPACE, model="bench", variant="bench", dimension=dimension)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    first = 0
    for block in blocks:
        with connection:
            connection.executemany(_PHOTO, _photos(first, len(block), "READY"))
            blobs = block.astype("<f2")
            rows = ((first + at + 1, blobs[at].tobytes()) for at in range(len(block)))
            connection.executemany("INSERT INTO embeddings (photo, space, vector) VALUES (?, 1, ?)", rows)
        first += len(block)
    with connection:
        connection.executemany(_PHOTO, _photos(first, waiting, "PENDING"))
    connection.close()


_PHOTO = (
    "INSERT INTO photos (photo_id, state, present, added_at, read_at, pending_since, sort_at, size_bytes, media_type, width, "
    f"height, kind) VALUES (?, ?, 1, {_NOW}, {_NOW}, {_NOW}, ?, 3000000, 'image/jpeg', 4000, 3000, 'STILL')"
)


def _photos(first: int, count: int, state: str) -> Iterator[tuple[str, str, str]]:
    return ((photo_id(number), state, f"2024-05-01T12:00:{number:08d}") for number in range(first, first + count))
