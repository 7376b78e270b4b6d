"""What every index of vectors does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from soutu_services.search.model import FloatArray

__all__ = ["IdArray", "VectorIndex", "best_first"]

IdArray = npt.NDArray[np.int64]


class VectorIndex(Protocol):
    """Vectors of one space under the ids that the catalog gave them. Thread safe; what was added or removed is seen at once."""

    @property
    def kind(self) -> str:
        """How it searches, for people, for instance ``flat``."""
        ...

    @property
    def space_id(self) -> str:
        """The space whose vectors it holds."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Add vectors, replacing those that are there under the same ids.

        Args:
            ids: int64, shape (n,), not negative, each once.
            vectors: float32, shape (n, dimension), rows L2-normalised.
        """
        ...

    def remove(self, ids: IdArray) -> int:
        """Remove vectors; ids that are not there are passed over. Returns how many were removed."""
        ...

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Find the nearest vectors.

        Args:
            vector: float32, shape (dimension,), L2-normalised.
            k: How many at most; never fewer are found than there are.
            allowed: Only these ids, in any order; None: all.

        Returns:
            Ids and their cosines, best first; equal cosines by id.
        """
        ...

    def vectors(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read vectors back: those of the ids that are there, and float32 of shape (m, dimension)."""
        ...

    def ids(self) -> IdArray:
        """List the ids that are there, in order."""
        ...


def best_first(ids: IdArray, cosines: FloatArray, k: int) -> tuple[IdArray, FloatArray]:
    """Put what was found into its order, the nearest first and equal cosines by id, and leave out all but ``k``."""
    order = np.lexsort((ids, -cosines))[:k]
    return ids[order], np.clip(cosines[order], -1.0, 1.0)
