"""The index that answers queries, kept in step with the catalog that it is derived from."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from soutu_services.search.catalog import Catalog, IdArray, StoredEmbeddings
from soutu_services.search.index import FlatIndex, VectorIndex

__all__ = ["LibraryIndex"]

_logger = logging.getLogger(__name__)


class LibraryIndex:
    """Holds the index of the space that serves; there is none while no space serves. Thread safe.

    Args:
        catalog: The catalog.
        on_made: Called with an index when it is complete.
    """

    def __init__(self, catalog: Catalog, *, on_made: Callable[[VectorIndex], None]) -> None:
        self._catalog = catalog
        self._on_made = on_made
        self._lock = threading.Lock()
        self._index: VectorIndex | None = None

    @property
    def current(self) -> VectorIndex | None:
        """The index."""
        return self._index

    @property
    def summary(self) -> tuple[str, int]:
        """How it searches, for people, and how many vectors it holds."""
        index = self._index
        return (index.kind, len(index)) if index is not None else ("", 0)

    def load(self) -> None:
        """Make the index from the catalog, unless that of the space that serves is there or no space serves."""
        with self._lock:
            space = self._catalog.embeddings.serving_space()
            if self._index is not None and space is not None and self._index.space_id != space.space_id:
                self._index = None
            self._load()

    def store(self, space_id: str, stored: StoredEmbeddings) -> None:
        """Take over embeddings that the catalog has stored; those of other spaces than the one that serves are left out."""
        with self._lock:
            index = self._load()
            if index is not None and index.space_id == space_id:
                index.remove(stored.replaced)
                index.add(stored.ids, stored.vectors)

    def remove(self, ids: IdArray) -> None:
        """Forget embeddings that the catalog has removed."""
        with self._lock:
            if self._index is not None:
                self._index.remove(ids)

    def _load(self) -> VectorIndex | None:
        if self._index is None:
            space = self._catalog.embeddings.serving_space()
            if space is not None:
                began = time.perf_counter()
                index = FlatIndex(space.space_id, space.dimension)
                for batch in self._catalog.embeddings.iterate(space.space_id):
                    index.add(batch.ids, batch.vectors)
                _logger.info("index of %d vectors made in %.2f s", len(index), time.perf_counter() - began)
                self._index = index
                self._on_made(index)
        return self._index
