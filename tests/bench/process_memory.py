"""The memory of the house's processes, sampled."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import psutil

__all__ = ["GROUPS", "Sample", "sample_memory"]

_WORDS = {
    "soutu_services.search.decoding.worker": "decoders",
    "soutu_services.search": "search",
    "soutu_services.embedding": "embedding",
    "rclone": "store",
}
GROUPS = ("search", "decoders", "embedding", "store")


@dataclass(frozen=True)
class Sample:
    """Resident memory at one moment.

    Attributes:
        seconds: On the monotonic clock.
        mib: MiB by group; the decoders' is the sum of theirs, in which pages that they share count for each.
        decoders: How many there are.
    """

    seconds: float
    mib: dict[str, float]
    decoders: int


def sample_memory() -> Sample:
    """Sample the descendants of this process."""
    resident: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    count: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
            group = next((group for word, group in _WORDS.items() if word in command), None)
            if group is not None:
                resident[group] += process.memory_info().rss / 2**20
                count[group] += 1
        except psutil.Error:  # it has just ended
            continue
    return Sample(time.monotonic(), {group: round(mib, 1) for group, mib in resident.items()}, count["decoders"])
