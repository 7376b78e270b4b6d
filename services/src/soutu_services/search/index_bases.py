"""The files that hold the bases of indexes: naming, opening and making them, and deleting those that nothing uses."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from soutu_services.search.catalog import Catalog, IdArray
from soutu_services.search.index import BadBase, Base, HalfArray, IndexPolicy, LayeredIndex, Method, as_halves, build_base
from soutu_services.search.index_snapshot import BadSnapshot
from soutu_services.search.model import FloatArray

__all__ = ["IndexBases"]

_logger = logging.getLogger(__name__)

_NAME = re.compile(r"index-[0-9a-f]{32}\.base")


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

    def new_file(self) -> Path:
        """Name a file that is not there."""
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

    def made(self, space_id: str, dimension: int, ids: IdArray) -> Base | None:
        """Make a base of the catalog's embeddings, without having all their vectors in memory.

        Args:
            space_id: The space.
            dimension: Length of a vector.
            ids: All of the space, ascending.

        Returns:
            The base; None if so many are searched exactly, or the disk does not take it: they then lie beside it, in memory.
        """
        if self._policy.method(len(ids), dimension) is Method.FLAT:
            return None
        source = _Stored(self._catalog, space_id, ids)
        try:
            return build_base(self.new_file(), space_id, dimension, self._policy, source, is_stopped=lambda: False)
        except (OSError, BadBase) as error:
            _logger.warning("the index's base cannot be written, so all vectors are kept in memory: %s", error)
            return None

    def keep(self, indexes: Iterable[LayeredIndex]) -> None:
        """Delete the files that none of these indexes uses. Nothing may be making one."""
        used = {index.base_file for index in indexes}
        for path in self._folder.glob("index-*.base"):
            if path not in used and _NAME.fullmatch(path.name):
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
