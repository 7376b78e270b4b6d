"""Policies of the index for a few vectors, which are searched as if they were millions."""

from __future__ import annotations

from soutu_services.search.index import IndexPolicy
from soutu_services.search.index.policy import Plan

SCANNED = 10**9


class ScanningPolicy(IndexPolicy):
    """Goes through the codes of all, however few there are, so that what comes out has to be exact."""

    def plan(self, vectors: int, allowed: int, k: int, dimension: int) -> Plan:
        return Plan(vectors, allowed)

    def probes(self, lists: int) -> int:
        return max(1, lists // 2)


def policies(loose_vectors: int) -> dict[str, IndexPolicy]:
    """One for each way to search, by which beyond so many vectors nothing is searched exactly that need not be."""
    return {
        "fast-scan": ScanningPolicy(exact_vectors=0, loose_vectors=loose_vectors, scanned_vectors=SCANNED),
        "ivf-fast-scan": ScanningPolicy(exact_vectors=0, loose_vectors=loose_vectors, scanned_vectors=0),
        "fast-scan, gathered": IndexPolicy(exact_vectors=0, loose_vectors=loose_vectors, scanned_vectors=SCANNED),
    }
