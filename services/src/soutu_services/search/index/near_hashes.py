"""Perceptual hashes searched by Hamming distance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

__all__ = ["near_hashes"]


def near_hashes(
    hashes: npt.NDArray[np.uint64], max_distance: int, *, rows: int = 1024
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Find all pairs of different 64-bit hashes that differ in few bits, some at a time, exactly.

    Hashes that differ in d bits agree in at least one of d + 1 bands of bits (multi-index hashing: Norouzi, Punjani and Fleet
    2012, arXiv:1307.2982), so only those that share a band are compared, as long as that leaves less to do than comparing all.

    Args:
        hashes: uint64, shape (n,), each once: many equal ones would make as many pairs as their square.
        max_distance: Most bits in which a pair may differ.
        rows: Hashes that are compared with others at a time, which bounds the memory.

    Yields:
        Positions of first and second members, int64, shape (m,), first < second; a pair may come again.
    """
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    faiss.omp_set_num_threads(1)
    for members in _candidates(hashes, max_distance):
        codes = hashes[members].view(np.uint8).reshape(-1, 8)
        index: Any = faiss.IndexBinaryFlat(64)
        index.add(codes)
        for start in range(0, len(codes), rows):
            limits, _, found = index.range_search(codes[start : start + rows], max_distance + 1)  # strictly less
            first = np.repeat(np.arange(start, start + len(limits) - 1), np.diff(limits.astype(np.int64)))
            ahead = found > first
            if ahead.any():
                yield members[first[ahead]], members[found[ahead]]


def _candidates(hashes: npt.NDArray[np.uint64], max_distance: int) -> Iterator[npt.NDArray[np.int64]]:
    """List sets of positions, in order, so that both members of every near pair are in one of them."""
    bands = max_distance + 1
    width = min(
        64 // bands, max(1, len(hashes).bit_length() - 7)
    )  # sets of some hundred: fewer cost more to begin than to compare
    if bands >= 1 << width:
        yield np.arange(len(hashes))
        return
    for band in range(bands):
        bits = (hashes >> np.uint64(band * (64 // bands))) & np.uint64((1 << width) - 1)
        order = np.argsort(bits, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(bits[order])) + 1):
            if len(members) > 1:
                yield members
