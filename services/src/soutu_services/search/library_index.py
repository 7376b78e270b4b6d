"""The index that answers queries, kept in step with the catalog that it is derived from."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from soutu_services.search.catalog import Catalog, IdArray, StoredEmbeddings
from soutu_services.search.index import IndexPolicy, LayeredIndex, VectorIndex
from soutu_services.search.index_bases import IndexBases
from soutu_services.search.index_snapshot import BadSnapshot, SnapshotHead, read_snapshot, snapshot_base, write_snapshot
from soutu_services.search.model import FloatArray

__all__ = ["LibraryIndex"]

_logger = logging.getLogger(__name__)

_BLOCK = 4096
_SAME = 1e-4


class LibraryIndex:
    """Holds the index of the space that serves; there is none while no space serves. Thread safe.

    Before another space serves, its index is made beside, and takes over whole (``switch``).

    Args:
        catalog: The catalog.
        snapshot: File that keeps the index from one run to the next.
        on_made: Called with an index when it is complete and its space serves.
        policy: How it is searched. The files of its bases lie beside the snapshot.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        snapshot: Path,
        on_made: Callable[[VectorIndex], None],
        policy: IndexPolicy = IndexPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        self._catalog = catalog
        self._snapshot = snapshot
        self._policy = policy
        self._bases = IndexBases(catalog, snapshot, policy)
        self._unsaved = 0
        self._saving = threading.Lock()
        self._on_made = on_made
        self._lock = threading.Lock()
        self._index: LayeredIndex | None = None
        self._prepared: LayeredIndex | None = None

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

    def prepare(self, space_id: str, *, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Make the index of a space that is to serve, and keep it in step from now on. It is dropped by ``discard``.

        Embeddings come and go meanwhile, as with ``rebuild``.

        Raises:
            FailedPrecondition: the space is not registered.
            BuildStopped: it was told to stop; there is no such index then.
        """
        with self._saving:
            with self._lock:  # no transaction is half done: the file holds nothing that the catalog does not keep
                if self._is_prepared(space_id):
                    return
                self._prepared = None  # its memory first
                dimension = self._catalog.embeddings.dimension(space_id)
                wanted = self._catalog.embeddings.all_ids(space_id)
            began = time.perf_counter()
            base = self._bases.made(space_id, dimension, wanted, is_stopped=is_stopped)
            index = LayeredIndex(space_id, dimension, self._policy, base)
            self._catch_up(index)  # most of what came meanwhile, or all where there is no base
            with self._lock:
                self._catch_up(index)
                self._prepared = index
            _logger.info("index of %d vectors made beside in %.2f s", len(index), time.perf_counter() - began)

    def switch(self, space_id: str, commit: Callable[[], None], *, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Let a space serve, once its index is made: queries that begin from now on use it, those under way end on the old one.

        Args:
            space_id: The space.
            commit: Makes the space the one that serves in the catalog; if it raises, everything stays as it is.
            is_stopped: Asked now and then, while the index is made, whether to stop.

        Raises:
            FailedPrecondition: the space is not registered.
            BuildStopped: it was told to stop; everything stays as it is.
        """
        while True:
            self.prepare(space_id, is_stopped=is_stopped)
            with self._lock:
                index = self._prepared
                if index is None or not self._is_prepared(space_id):  # somebody dropped it, or made another, in between
                    continue
                commit()
                self._index, self._prepared = index, None
                self._unsaved += len(index)
                self._on_made(index)
                return

    def discard(self) -> None:
        """Drop the index that was prepared, if any."""
        with self._lock:
            self._prepared = None

    def put(
        self, space_id: str, photo_ids: Sequence[str], vectors: FloatArray, frames_ms: Sequence[int] = ()
    ) -> StoredEmbeddings:
        """Store embeddings in the catalog, and in the index if the space has one: whoever sees that a photo is READY finds it.

        See ``Embeddings.put``, whose errors it raises; nothing is stored then.
        """
        with self._lock:
            indexes = [index for index in (self._load(), self._prepared) if index is not None and index.space_id == space_id]
            added: IdArray = np.empty(0, dtype=np.int64)
            try:
                with self._catalog.transaction():
                    stored = self._catalog.embeddings.put(space_id, photo_ids, vectors, frames_ms)
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
            for index in self._indexes():
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
                ids, base, unsaved = index.loose_ids(), index.base_file, self._unsaved
            mark = self._catalog.snapshot_marks.make()  # after the ids: wherever the mark is known, they are given
            blocks = (index.vectors(ids[start : start + _BLOCK]) for start in range(0, len(ids), _BLOCK))
            head = SnapshotHead(index.space_id, index.dimension, mark, base.name if base is not None else "")
            write_snapshot(self._snapshot, head, blocks)
            self._unsaved = max(0, self._unsaved - unsaved)
            _logger.info("snapshot of %d vectors written in %.2f s", len(ids), time.perf_counter() - began)
            with self._lock:
                self._bases.keep(self._indexes())

    @property
    def is_due(self) -> bool:
        """Whether the index grew or shrank so much that it is to be made anew."""
        index = self._index
        return index is not None and index.is_due

    def rebuild(self, *, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Make the index anew as its policy says, if it is due, while it goes on serving and changing. ``save`` is to follow.

        Raises:
            OSError: the disk does not take it; the index stays as it is.
            BadBase: its file does not read as it was written; the same.
            BuildStopped: it was told to stop; the same.
        """
        with self._saving:
            began = time.perf_counter()
            with self._lock:  # no transaction is half done: the file holds nothing that the catalog does not keep
                index = self._index
                if index is None or not index.is_due:
                    return
                path = self._bases.new_file(len(index), index.dimension)
                before = index.begin_rebuild()
            index.finish_rebuild(before, path, is_stopped=is_stopped)
            self._unsaved += len(before.ids)
            _logger.info("index of %d vectors made anew (%s) in %.2f s", len(index), index.kind, time.perf_counter() - began)

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

    def _indexes(self) -> list[LayeredIndex]:
        return [index for index in (self._index, self._prepared) if index is not None]

    def _bring_in_step(self, index: VectorIndex, ids: IdArray) -> None:
        index.remove(ids)
        index.add(*self._catalog.embeddings.by_ids(index.space_id, ids))

    def _is_prepared(self, space_id: str) -> bool:
        return self._prepared is not None and self._prepared.space_id == space_id

    def _load(self) -> LayeredIndex | None:
        if self._index is None:
            space = self._catalog.embeddings.serving_space()
            if space is not None:
                self._index = self._made(space.space_id)
                self._bases.keep(self._indexes())
                self._on_made(self._index)
        return self._index

    def _made(self, space_id: str) -> LayeredIndex:
        began = time.perf_counter()
        dimension = self._catalog.embeddings.dimension(space_id)
        wanted = self._catalog.embeddings.all_ids(space_id)
        try:
            index = self._from_snapshot(space_id, dimension, wanted)
            kept = len(index)
        except BadSnapshot as why:
            _logger.info("the index is made anew from the catalog, not from its snapshot: %s", why)
            index, kept = LayeredIndex(space_id, dimension, self._policy, self._bases.made(space_id, dimension, wanted)), 0
            self._unsaved += len(index)
        self._catch_up(index)
        _logger.info(
            "index of %d vectors made in %.2f s, %d of them from its snapshot", len(index), time.perf_counter() - began, kept
        )
        return index

    def _from_snapshot(self, space_id: str, dimension: int, wanted: IdArray) -> LayeredIndex:
        known = self._catalog.snapshot_marks.knows
        blocks = read_snapshot(self._snapshot, space_id, dimension, is_known=known)
        first = next(blocks, None)  # refused by its first line, if it is of another space or catalog
        base = self._bases.opened(snapshot_base(self._snapshot), space_id, dimension)
        index = LayeredIndex(space_id, dimension, self._policy, base)
        for ids, vectors in itertools.chain([first] if first is not None else [], blocks):
            there = np.isin(ids, wanted[slice(*np.searchsorted(wanted, (ids.min(), ids.max() + 1)))])
            try:
                index.add(ids[there], vectors[there])
            except ValueError as error:
                raise BadSnapshot("it holds no vectors") from error
        return index

    def _catch_up(self, index: VectorIndex) -> None:
        """Make an index hold what the catalog does. A vector never changes under its id, so that the ids tell."""
        there, wanted = index.ids(), self._catalog.embeddings.all_ids(index.space_id)
        index.remove(np.setdiff1d(there, wanted, assume_unique=True))
        missing = np.setdiff1d(wanted, there, assume_unique=True)
        for start in range(0, len(missing), _BLOCK):
            index.add(*self._catalog.embeddings.by_ids(index.space_id, missing[start : start + _BLOCK]))
        self._unsaved += len(missing)
