"""The index that answers queries, kept in step with the catalog that it is derived from."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from soutu_services.search.catalog import Catalog, IdArray, StoredEmbeddings
from soutu_services.search.index import FlatIndex, VectorIndex
from soutu_services.search.index_snapshot import BadSnapshot, SnapshotHead, read_snapshot, write_snapshot
from soutu_services.search.model import FloatArray

__all__ = ["LibraryIndex"]

_logger = logging.getLogger(__name__)

_BLOCK = 4096
_SAME = 1e-4


class LibraryIndex:
    """Holds the index of the space that serves; there is none while no space serves. Thread safe.

    Before another space serves, its index is made beside (``prepare``), and takes over whole (``switch``).

    Args:
        catalog: The catalog.
        snapshot: File that keeps the index from one run to the next.
        on_made: Called with an index when it is complete and its space serves.
    """

    def __init__(self, catalog: Catalog, *, snapshot: Path, on_made: Callable[[VectorIndex], None]) -> None:
        self._catalog = catalog
        self._snapshot = snapshot
        self._unsaved = 0
        self._saving = threading.Lock()
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
            self._unsaved += len(index)
            self._on_made(index)

    def discard(self) -> None:
        """Drop the index that was prepared, if any."""
        with self._lock:
            self._prepared = None

    def put(self, space_id: str, photo_ids: Sequence[str], vectors: FloatArray) -> StoredEmbeddings:
        """Store embeddings in the catalog, and in the index if the space has one: whoever sees that a photo is READY finds it.

        See ``Embeddings.put``, whose errors it raises; nothing is stored then.
        """
        with self._lock:
            indexes = [index for index in (self._load(), self._prepared) if index is not None and index.space_id == space_id]
            added: IdArray = np.empty(0, dtype=np.int64)
            try:
                with self._catalog.transaction():
                    stored = self._catalog.embeddings.put(space_id, photo_ids, vectors)
                    added = stored.ids
                    for index in indexes:
                        index.add(stored.ids, stored.vectors)
            except BaseException:
                for index in indexes:
                    index.remove(added)
                for index in indexes:
                    self._bring_in_step(index, added)
                raise
            for index in indexes:
                index.remove(stored.replaced)
                self._unsaved += len(stored.ids)
            return stored

    def remove(self, ids: IdArray) -> None:
        """Forget embeddings that the catalog has removed."""
        with self._lock:
            for index in (self._index, self._prepared):
                if index is not None:
                    index.remove(ids)
            self._unsaved += len(ids)

    @property
    def unsaved(self) -> int:
        """How many changes the snapshot lacks; it is caught up from the catalog when it is read."""
        return self._unsaved

    def save(self) -> None:
        """Write the snapshot, while the index goes on serving and changing.

        Raises:
            OSError: the disk does not take it; the snapshot before still is there.
        """
        with self._saving:
            index = self._index
            if index is None:
                return
            began = time.perf_counter()
            with self._lock:  # an id that the catalog does not keep is given again, to another vector
                ids, unsaved = index.ids(), self._unsaved
            mark = self._catalog.snapshot_marks.make()  # after the ids: wherever the mark is known, they are given
            blocks = (index.vectors(ids[start : start + _BLOCK]) for start in range(0, len(ids), _BLOCK))
            write_snapshot(self._snapshot, SnapshotHead(index.space_id, index.dimension, mark), blocks)
            self._unsaved = max(0, self._unsaved - unsaved)
            _logger.info("snapshot of %d vectors written in %.2f s", len(ids), time.perf_counter() - began)

    def differences(self) -> IdArray:
        """List the ids, in order, under which index and catalog differ; what changes meanwhile may be among them: ask twice."""
        index = self._index
        if index is None:
            space = self._catalog.embeddings.serving_space()
            return self._catalog.embeddings.all_ids(space.space_id) if space else np.empty(0, dtype=np.int64)
        there, wanted = index.ids(), self._catalog.embeddings.all_ids(index.space_id)
        wrong = [np.setxor1d(there, wanted, assume_unique=True)]
        both = np.intersect1d(there, wanted, assume_unique=True)
        for start in range(0, len(both), _BLOCK):
            ids, vectors = self._catalog.embeddings.by_ids(index.space_id, both[start : start + _BLOCK])
            found, held = index.vectors(ids)
            if len(found) == len(ids):
                wrong.append(ids[np.abs(held - vectors).max(axis=1, initial=0.0) > _SAME])
        return np.sort(np.concatenate(wrong))

    def mend(self, ids: Sequence[int]) -> None:
        """Make the index hold under some ids what the catalog does."""
        with self._lock:
            index = self._load()
            if index is not None:
                self._bring_in_step(index, np.array(ids, dtype=np.int64))
                self._unsaved += len(ids)

    def _bring_in_step(self, index: VectorIndex, ids: IdArray) -> None:
        index.remove(ids)
        index.add(*self._catalog.embeddings.by_ids(index.space_id, ids))

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
        dimension = self._catalog.embeddings.dimension(space_id)
        index: VectorIndex = FlatIndex(space_id, dimension)
        try:
            self._read_snapshot(index)
        except BadSnapshot as why:
            _logger.info("the index is made anew from the catalog, not from its snapshot: %s", why)
            index = FlatIndex(space_id, dimension)
        kept = len(index)
        self._catch_up(index)
        _logger.info(
            "index of %d vectors made in %.2f s, %d of them from its snapshot", len(index), time.perf_counter() - began, kept
        )
        return index

    def _read_snapshot(self, index: VectorIndex) -> None:
        known = self._catalog.snapshot_marks.knows
        wanted = self._catalog.embeddings.all_ids(index.space_id)
        for ids, vectors in read_snapshot(self._snapshot, index.space_id, index.dimension, is_known=known):
            there = np.isin(ids, wanted)
            try:
                index.add(ids[there], vectors[there])
            except ValueError as error:
                raise BadSnapshot("it holds no vectors") from error

    def _catch_up(self, index: VectorIndex) -> None:
        """Make an index hold what the catalog does. A vector never changes under its id, so that the ids tell."""
        there, wanted = index.ids(), self._catalog.embeddings.all_ids(index.space_id)
        index.remove(np.setdiff1d(there, wanted, assume_unique=True))
        missing = np.setdiff1d(wanted, there, assume_unique=True)
        for start in range(0, len(missing), _BLOCK):
            index.add(*self._catalog.embeddings.by_ids(index.space_id, missing[start : start + _BLOCK]))
        self._unsaved += len(missing)
