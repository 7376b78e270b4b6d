"""How a library of some size is searched. Everything that is chosen about the index is chosen here.

Costs, of which the ratios matter (one core of 2023, 512 dimensions, FAISS 1.15): scanning a vector exactly 85 ns, which is what
memory gives; scanning its codes 5 ns; fetching a vector from the file to compare it exactly 400 ns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["IndexPolicy", "Method", "Plan"]

_GATHER_SHARE = 64
"""Below one in this many vectors, fetching those that are allowed costs less than scanning the codes of all."""

_MOST_DEPTH_SHARE = 4
"""Beyond one in this many vectors, sorting what a scan returns costs more than fetching all that are allowed."""


class Method(StrEnum):
    """How the bulk of the vectors is searched; the text is what people are told."""

    FLAT = "flat"
    FAST_SCAN = "fast-scan"
    LISTS = "ivf-fast-scan"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered from codes.

    Attributes:
        depth: How many of the nearest by their codes are taken first; 0: every allowed vector is compared exactly.
        enough: How many of those have to be allowed, and are compared exactly.
    """

    depth: int
    enough: int


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """What is chosen by the number of vectors, their dimension, the memory and the share that a filter leaves.

    Attributes:
        exact_vectors: Up to this many, all are compared exactly.
        scanned_vectors: Up to this many, the codes of all are scanned; beyond, those of the lists nearest to the query.
        memory_bytes: Memory, besides the page cache, that may be taken; what would take more exactly is kept as codes sooner.
        loose_vectors: So many new vectors are kept beside the base, whatever its size.
        loose_share: Share of the base that may be kept beside it.
        gone_share: Share of the base that may be removed before it is made anew.
        probed_share: Share of the lists that a query goes through.
        beside: How many vectors are compared exactly besides those that are asked for: one in 5,000 of all, and at least so many.
            Fewer dimensions than 512 need more, since their codes err more.
    """

    exact_vectors: int = 20_000
    scanned_vectors: int = 2_000_000
    memory_bytes: int = 600 << 20
    loose_vectors: int = 4096
    loose_share: float = 0.02
    gone_share: float = 0.2
    probed_share: float = 0.2
    beside: int = 100

    def method(self, vectors: int, dimension: int) -> Method:
        """Choose how so many vectors are searched."""
        exact_bytes = 4 * dimension * vectors
        if dimension % 2 or vectors <= self.loose_vectors:
            return Method.FLAT
        if vectors <= self.exact_vectors and exact_bytes <= self.memory_bytes:
            return Method.FLAT
        return Method.FAST_SCAN if vectors <= self.scanned_vectors else Method.LISTS

    def lists(self, vectors: int) -> int:
        """Choose into how many lists vectors are put: a power of two near twice the square root of their number."""
        return 1 << max(1, round(math.log2(2 * math.sqrt(max(1, vectors)))))

    def probes(self, lists: int) -> int:
        """Choose through how many lists a query goes."""
        return max(1, math.ceil(self.probed_share * lists))

    def is_due(self, base: int, gone: int, loose: int, dimension: int) -> bool:
        """Tell whether the base is to be made anew.

        Args:
            base: Vectors in it, those that are removed included; 0: there is none.
            gone: Vectors of it that are removed.
            loose: Vectors that are beside it.
            dimension: Length of a vector.
        """
        if not base:
            return self.method(loose, dimension) is not Method.FLAT
        return gone > self.gone_share * base or loose > max(self.loose_vectors, self.loose_share * base)

    def plan(self, vectors: int, allowed: int, k: int, dimension: int) -> Plan:
        """Choose how the ``k`` nearest of the allowed ones are found.

        Args:
            vectors: Vectors that have codes.
            allowed: Those of them that may be found.
            k: How many are asked for.
            dimension: Length of a vector.
        """
        beside = max(self.beside, vectors // 5000, k // 2)
        enough = min(allowed, k + math.ceil(beside * max(1.0, 512 / dimension)))
        if allowed <= max(2 * enough, vectors // _GATHER_SHARE):
            return Plan(0, allowed)
        slack = 1.0 if allowed == vectors else 1.25
        depth = math.ceil(slack * enough * vectors / allowed)
        return Plan(depth if self._is_worth(depth, vectors) else 0, enough)

    def deeper(self, depth: int, vectors: int) -> int:
        """Choose the next depth where too few of the nearest are allowed; 0: compare all that are allowed."""
        return depth * 4 if self._is_worth(depth * 4, vectors) else 0

    def _is_worth(self, depth: int, vectors: int) -> bool:
        return depth * _MOST_DEPTH_SHARE <= vectors
