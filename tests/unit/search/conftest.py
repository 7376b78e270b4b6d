"""A small library in a real catalog, filled through the same calls that the ingest makes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from soutu_services.search.catalog import Catalog, Ingested, Recorded, SeenObject, UnreadObject
from soutu_services.search.imaging import FilmFrame
from soutu_services.search.model import FloatArray, Location, PhotoKind, Taken, TakenOrigin, UnreadableReason

SPACE = "5" * 32
DIMENSION = 8
MODIFIED = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    media_type: str = "image/jpeg"
    width: int = 640
    height: int = 480
    kind: PhotoKind = PhotoKind.STILL
    taken: Taken | None = None
    camera: str = ""
    location: Location | None = None
    phash: int = 0
    duration_ms: int | None = None
    codec: str = ""
    frames: tuple[FilmFrame, ...] = ()
    poster_ms: int = 0


@dataclass
class Library:
    """Puts photos into a catalog: content is any text, which stands for a file's bytes."""

    path: Path
    catalog: Catalog = field(init=False)

    def __post_init__(self) -> None:
        self.catalog = Catalog.open(self.path)
        self.catalog.embeddings.register_space(SPACE, model="lite", variant="onnx", dimension=DIMENSION)

    def reopen(self) -> Catalog:
        self.catalog.close()
        self.catalog = Catalog.open(self.path)
        return self.catalog

    @staticmethod
    def sha256(content: str) -> str:
        return hashlib.sha256(content.encode()).hexdigest()

    @classmethod
    def photo_id(cls, content: str) -> str:
        return cls.sha256(content)[:32]

    @staticmethod
    def seen(key: str, content: str, *, ignored: bool = False, etag: str | None = None) -> SeenObject:
        tag = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest() if etag is None else etag
        return SeenObject(key, tag, len(content.encode()), MODIFIED, ignored)

    def unread(self, key: str, source: str = "photos") -> UnreadObject:
        return next(one for one in self.catalog.objects.next_unread(10_000) if (one.source, one.key) == (source, key))

    def add(
        self,
        key: str,
        content: str | None = None,
        *,
        source: str = "photos",
        vector: FloatArray | None = None,
        embedded: bool = True,
        unreadable: UnreadableReason | None = None,
        **reading: object,
    ) -> str:
        """Show the catalog an object and what reading it tells; returns the photo's id."""
        content = content if content is not None else key
        self.catalog.objects.record_seen(source, [self.seen(key, content)])
        return self.read(key, content, source=source, vector=vector, embedded=embedded, unreadable=unreadable, **reading).photo_id

    def read(
        self,
        key: str,
        content: str,
        *,
        source: str = "photos",
        vector: FloatArray | None = None,
        embedded: bool = True,
        unreadable: UnreadableReason | None = None,
        **reading: object,
    ) -> Recorded:
        item = Ingested(
            object=self.unread(key, source),
            sha256=self.sha256(content),
            reading=Reading(**reading) if unreadable is None else None,  # type: ignore[arg-type]
            unreadable=unreadable,
        )
        recorded = self.catalog.ingest.record([item])[0]
        if embedded and unreadable is None and recorded.photo_id:
            self.catalog.embeddings.put(
                SPACE, [recorded.photo_id], np.array([self.vector(content) if vector is None else vector])
            )
        return recorded

    @classmethod
    def vector(cls, content: str) -> FloatArray:
        """Make up an embedding that follows from the content."""
        seed = int(cls.sha256(content)[:12], 16)
        vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
        return vector / np.float32(np.linalg.norm(vector))

    def taken(self, text: str) -> Taken:
        return Taken(datetime.fromisoformat(text), None, TakenOrigin.EXIF)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path / "catalog.db")
    yield made
    made.catalog.close()
