"""Making a base from vectors that lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from soutu_services.search.index.base import Base
from soutu_services.search.index.base_file import HalfArray, write_base
from soutu_services.search.index.codes import Codes
from soutu_services.search.index.policy import IndexPolicy, Method
from soutu_services.search.index.vector_index import IdArray
from soutu_services.search.model import FloatArray

__all__ = ["BuildStopped", "VectorSource", "as_halves", "build_base"]

_BLOCK = 4096
_LEAST_SAMPLE = 16
_EXACT = np.float32(2e-7)
_LENGTHS = tuple(np.float32(1 + step * 2.0**-12) for step in (-1, 1, -2, 2))
"""Rounding to float16 changes a vector's length by 2 to the -11 at most, and steps of half that are never too long to undo it."""


class BuildStopped(Exception):  # noqa: N818 - nothing is wrong
    """The build was told to stop; nothing of it is left."""


class VectorSource(Protocol):
    """Vectors that a base is made of. They do not change while it is made."""

    @property
    def ids(self) -> IdArray:
        """Their ids, ascending."""
        ...

    def read(self, ids: IdArray) -> tuple[IdArray, HalfArray, FloatArray]:
        """Read some: ids, float16 of shape (m, dimension), and their lengths, float32; what is gone is left out."""
        ...


def as_halves(vectors: FloatArray) -> tuple[HalfArray, FloatArray]:
    """Write vectors as the base stores them: float16, and their lengths then.

    What was read from the catalog, which normalises float16, comes out as it is there: it differs by a length near 1, which
    rounding takes away, and where a few values are large and it does not, another length does.
    """
    halves, lengths = _rounded(vectors)
    for length in _LENGTHS:
        error = _error(halves, lengths, vectors)
        off = np.flatnonzero(error > _EXACT)
        if not len(off):
            break
        other, other_lengths = _rounded(vectors[off] * length)
        is_better = _error(other, other_lengths, vectors[off]) < error[off]
        halves[off[is_better]], lengths[off[is_better]] = other[is_better], other_lengths[is_better]
    return halves, lengths


def _rounded(vectors: FloatArray) -> tuple[HalfArray, FloatArray]:
    halves = vectors.astype(np.float16)
    return halves, np.linalg.norm(halves.astype(np.float32), axis=1)


def _error(halves: HalfArray, lengths: FloatArray, vectors: FloatArray) -> FloatArray:
    error: FloatArray = np.abs(halves.astype(np.float32) / lengths[:, np.newaxis] - vectors).max(axis=1)
    return error


def build_base(
    path: Path, space_id: str, dimension: int, policy: IndexPolicy, source: VectorSource, *, is_stopped: Callable[[], bool]
) -> Base:
    """Make a base, in memory that does not grow with the vectors but for their codes.

    Args:
        path: Its file, which is not there.
        space_id: The space.
        dimension: Length of a vector.
        policy: How it is to be searched.
        source: The vectors: more than the policy searches exactly.
        is_stopped: Asked now and then whether to stop.

    Raises:
        OSError: the disk does not take it.
        BadBase: it does not read as it was written.
        BuildStopped: it was told to.
    """
    ids = source.ids
    lists = policy.lists(len(ids)) if policy.method(len(ids), dimension) is Method.LISTS else 0
    count = min(len(ids), Codes.sample_size(lists))
    drawn = np.sort(np.random.default_rng(0).choice(ids, count, replace=False))
    sample = _sample(source, drawn, dimension)
    if len(sample) < max(_LEAST_SAMPLE, lists):
        sample = np.resize(sample, (max(_LEAST_SAMPLE, lists), dimension))
    codes = Codes.learned(sample, lists)
    del sample

    def blocks() -> Iterator[tuple[IdArray, HalfArray, FloatArray]]:
        for start in range(0, len(ids), _BLOCK):
            if is_stopped():
                raise BuildStopped
            yield source.read(ids[start : start + _BLOCK])

    write_base(path, space_id, dimension, codes, blocks())
    del codes
    try:
        return Base.open(path, space_id, dimension, policy)
    except BaseException:
        path.unlink(missing_ok=True)  # it is tried again under another name: they would fill the disk
        raise


def _sample(source: VectorSource, ids: IdArray, dimension: int) -> FloatArray:
    """Read vectors to learn from, a block at a time: what reading takes besides them does not grow with them."""
    sample = np.empty((len(ids), dimension), dtype=np.float32)
    filled = 0
    for start in range(0, len(ids), _BLOCK):
        _, halves, lengths = source.read(ids[start : start + _BLOCK])
        np.divide(halves, lengths[:, np.newaxis], out=sample[filled : filled + len(halves)])
        filled += len(halves)
    return sample[:filled]
