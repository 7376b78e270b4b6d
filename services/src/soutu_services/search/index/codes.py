"""Short codes of vectors, scanned in registers: 4-bit product quantisation (André, Kermarrec and Le Scouarnec, VLDB 2015).

A code of four bits stands for two values; 32 vectors' tables are looked up at a time, which passes over a vector in a sixteenth
of the time that its values take. The order that comes out is nearly right: the nearest of it are compared exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss

from soutu_services.search.index.slot_table import SlotArray
from soutu_services.search.model import FloatArray

__all__ = ["BadCodes", "Codes"]

_SearchParametersIVF: Any = faiss.SearchParametersIVF  # its types are not what its stubs say
_BufferedIOWriter: Any = faiss.BufferedIOWriter
_PyCallbackIOReader: Any = getattr(faiss, "PyCallbackIOReader")  # noqa: B009 - nor are they complete
_PyCallbackIOWriter: Any = getattr(faiss, "PyCallbackIOWriter")  # noqa: B009

_IO_BYTES = 1 << 20
_TRAINED_ON = 16 * 256
"""Vectors that the codes are learned from: FAISS takes 256 for each of the 16 values of a code."""
_TRAINED_ON_FOR_LIST = 40


class BadCodes(Exception):  # noqa: N818 - it is a verdict on bytes
    """The bytes are no codes of such vectors."""


class Codes:
    """The codes of vectors, by slot: the first vector that was added has slot 0. Not to be searched while it grows."""

    def __init__(self, index: Any, coarse: Any = None) -> None:
        self._index = index
        self._coarse = coarse  # faiss does not keep it alive

    @staticmethod
    def sample_size(lists: int) -> int:
        """Tell from how many vectors, drawn at random, it is well learned."""
        return max(_TRAINED_ON, _TRAINED_ON_FOR_LIST * lists)

    @classmethod
    def learned(cls, sample: FloatArray, lists: int) -> Codes:
        """Learn codes from a sample.

        Args:
            sample: float32, shape (n, dimension), the dimension even; 16 vectors, or one for each list, at least.
            lists: Into how many lists vectors are put; 0: into none.
        """
        _one_thread()
        dimension = sample.shape[1]
        index: Any
        coarse = None
        if lists:
            coarse = faiss.IndexFlatIP(dimension)
            index = faiss.IndexIVFPQFastScan(coarse, dimension, lists, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
            index.own_fields = False
            index.by_residual = False  # one table for a query, not one for each list
            index.cp.min_points_per_centroid = 1
        else:
            index = faiss.IndexPQFastScan(dimension, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
        index.pq.cp.min_points_per_centroid = 1
        index.train(sample)
        return cls(index, coarse)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        """Into how many lists the vectors are put; 0: into none."""
        return int(getattr(self._index, "nlist", 0))

    def add(self, vectors: FloatArray) -> None:
        """Add the codes of vectors: float32, shape (n, dimension)."""
        _one_thread()
        self._index.add(vectors)

    def nearest(self, query: FloatArray, depth: int, probes: int = 0) -> SlotArray:
        """List the slots of the nearest by their codes, the nearest first: at most ``depth``, fewer if the lists hold fewer.

        Args:
            query: float32, shape (dimension,).
            depth: How many.
            probes: Through how many lists to go, where there are lists.
        """
        _one_thread()
        parameters = _SearchParametersIVF(nprobe=probes) if self.lists else None
        _, slots = self._index.search(query.reshape(1, -1), depth, params=parameters)
        found: SlotArray = slots[0]
        return found[found >= 0]

    def write(self, write: Callable[[bytes], object]) -> None:
        """Write them through a function that takes bytes; what it raises is raised."""
        failures: list[BaseException] = []

        def put(data: bytes) -> int:
            if not failures:
                try:
                    write(data)
                except BaseException as failure:  # noqa: BLE001 - raised below: what it raises in a destructor is lost
                    failures.append(failure)
            return len(data)

        writer = _BufferedIOWriter(_PyCallbackIOWriter(put), _IO_BYTES)
        faiss.write_index(self._index, writer)
        del writer  # flushes
        if failures:
            raise failures[0]

    @classmethod
    def read(cls, read: Callable[[int], bytes], dimension: int) -> Codes:
        """Read them through a function that gives so many bytes.

        Raises:
            BadCodes: they are no codes of such vectors.
        """
        try:
            index = faiss.read_index(_PyCallbackIOReader(read, _IO_BYTES))
        except RuntimeError as error:
            raise BadCodes("they are no codes") from error
        if index.d != dimension or not isinstance(index, faiss.IndexPQFastScan | faiss.IndexIVFPQFastScan):
            raise BadCodes("they are codes of other vectors")
        return cls(index)


def _one_thread() -> None:
    faiss.omp_set_num_threads(1)  # holds for the calling thread alone; two make a single query slower
