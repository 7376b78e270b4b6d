"""The files that hold the bases of indexes: naming, opening and making them, and deleting those that nothing uses."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from soutu_services.search.aside_file import ASIDE_SUFFIX
from soutu_services.search.catalog import Catalog, IdArray
from soutu_services.search.index import (
    BadBase,
    Base,
    HalfArray,
    IndexPolicy,
    LayeredIndex,
    Method,
    as_halves,
    base_bytes,
    build_base,
)
from soutu_services.search.index_snapshot import BadSnapshot
from soutu_services.search.model import FloatArray

__all__ = ["IndexBases"]

_logger = logging.getLogger(__name__)

_NAME = re.compile(r"index-[0-9a-f]{32}\.base")
_NAME_OR_ASIDE = re.compile(_NAME.pattern + f"({re.escape(ASIDE_SUFFIX)})?")
_ROOM_BYTES = 64 << 20
"""Free space that a new base must leave on the disk, for the catalog."""


class IndexBases:
    """The bases' files, beside the snapshot. None is ever changed; each has a name of its own.

    Args:
        catalog: The catalog.
        snapshot: File of the snapshot.
        policy: How they are searched.
    """

    def __init__(self, catalog: Catalog, snapshot: Path, policy: IndexPolicy) -> None:
        self._catalog = catalog
        self._folder = snapshot.parent
        self._policy = policy

    def new_file(self, vectors: int, dimension: int) -> Path:
        """Name a file that is not there, for a base of so many vectors.

        Raises:
            OSError: the disk has no room for it. Nothing was written, so that nothing else meets a full disk.
        """
        if self._policy.method(vectors, dimension) is not Method.FLAT:
            needed = base_bytes(vectors, dimension) + _ROOM_BYTES
            if shutil.disk_usage(self._folder).free < needed:
                raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: the index's base needs {needed >> 20} MiB")
        return self._folder / f"index-{uuid.uuid4().hex}.base"

    def opened(self, name: str, space_id: str, dimension: int) -> Base | None:
        """Open the file that a snapshot names; None if it names none.

        Raises:
            BadSnapshot: there is no such file that is whole.
        """
        if not name:
            return None
        if not _NAME.fullmatch(name):
            raise BadSnapshot("it names no base")
        try:
            return Base.open(self._folder / name, space_id, dimension, self._policy)
        except BadBase as why:
            raise BadSnapshot(f"its base is of no use: {why}") from why

    def made(self, space_id: str, dimension: int, ids: IdArray, *, is_stopped: Callable[[], bool] = lambda: False) -> Base | None:
        """Make a base of the catalog's embeddings, without having all their vectors in memory.

        Args:
            space_id: The space.
            dimension: Length of a vector.
            ids: All of the space, ascending.
            is_stopped: Asked now and then whether to stop.

        Returns:
            The base; None if so many are searched exactly, or the disk does not take it: they then lie beside it, in memory.

        Raises:
            BuildStopped: it was told to stop.
        """
        if self._policy.method(len(ids), dimension) is Method.FLAT:
            return None
        source = _Stored(self._catalog, space_id, ids)
        try:
            path = self.new_file(len(ids), dimension)
            return build_base(path, space_id, dimension, self._policy, source, is_stopped=is_stopped)
        except (OSError, BadBase) as error:
            _logger.warning("the index's base cannot be written, so all vectors are kept in memory: %s", error)
            return None

    def keep(self, indexes: Iterable[LayeredIndex]) -> None:
        """Delete the files that none of these indexes uses, and what a crash left of one. Nothing may be making one."""
        used = {index.base_file for index in indexes}
        for path in self._folder.glob("index-*.base*"):
            if path not in used and _NAME_OR_ASIDE.fullmatch(path.name):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:  # Windows keeps what is mapped: the next start deletes it
                    _logger.info("a file that the index used before stays for now: %s", error.strerror)


class _Stored:
    """The catalog's embeddings, as a ``VectorSource``."""

    def __init__(self, catalog: Catalog, space_id: str, ids: IdArray) -> None:
        self._catalog = catalog
        self._space_id = space_id
        self.ids = ids

    def read(self, ids: IdArray) -> tuple[IdArray, HalfArray, FloatArray]:
        """Read some; what is no vector, after damage to the file, is left out."""
        found, vectors = self._catalog.embeddings.by_ids(self._space_id, np.asarray(ids))
        return found, *as_halves(vectors)
