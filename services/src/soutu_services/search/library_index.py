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

    Before another space serves, its index is made beside (``prepare``), and takes over whole (``switch``).

    Args:
        catalog: The catalog.
        on_made: Called with an index when it is complete and its space serves.
    """

    def __init__(self, catalog: Catalog, *, on_made: Callable[[VectorIndex], None]) -> None:
        self._catalog = catalog
        self._on_made = on_made
        self._lock = threading.Lock()
        self._index: VectorIndex | None = None
        self._prepared: VectorIndex | None = None

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
        """Make the index from the catalog, unless it is there or no space serves."""
        with self._lock:
            space = self._catalog.embeddings.serving_space()
            if self._index is not None and space is not None and self._index.space_id != space.space_id:
                self._index = None
            self._load()

    def prepare(self, space_id: str) -> None:
        """Make the index of a space that is to serve, and keep it in step from now on. It is dropped by ``discard``.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._lock:
            self._prepare(space_id)

    def switch(self, space_id: str, commit: Callable[[], None]) -> None:
        """Let a space serve whose index is prepared: queries that begin from now on use it, those under way end on the old one.

        Args:
            space_id: The space.
            commit: Makes the space the one that serves in the catalog; if it raises, everything stays as it is.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._lock:
            index = self._prepare(space_id)
            commit()
            self._index, self._prepared = index, None
            self._on_made(index)

    def discard(self) -> None:
        """Drop the index that was prepared, if any."""
        with self._lock:
            self._prepared = None

    def store(self, space_id: str, stored: StoredEmbeddings) -> None:
        """Take over embeddings that the catalog has stored; those of spaces that have no index are left out."""
        with self._lock:
            for index in (self._load(), self._prepared):
                if index is not None and index.space_id == space_id:
                    index.remove(stored.replaced)
                    index.add(stored.ids, stored.vectors)

    def remove(self, ids: IdArray) -> None:
        """Forget embeddings that the catalog has removed."""
        with self._lock:
            for index in (self._index, self._prepared):
                if index is not None:
                    index.remove(ids)

    def _prepare(self, space_id: str) -> VectorIndex:
        if self._prepared is None or self._prepared.space_id != space_id:
            self._prepared = None  # its memory first
            self._prepared = self._made(space_id)
        return self._prepared

    def _load(self) -> VectorIndex | None:
        if self._index is None:
            space = self._catalog.embeddings.serving_space()
            if space is not None:
                self._index = self._made(space.space_id)
                self._on_made(self._index)
        return self._index

    def _made(self, space_id: str) -> VectorIndex:
        began = time.perf_counter()
        index = FlatIndex(space_id, self._catalog.embeddings.dimension(space_id))
        for batch in self._catalog.embeddings.iterate(space_id):
            index.add(batch.ids, batch.vectors)
        _logger.info("index of %d vectors made in %.2f s", len(index), time.perf_counter() - began)
        return index
