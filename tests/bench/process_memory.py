"""The memory of the house's processes, sampled."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["GROUPS", "Sample", "memory_of", "sample_memory"]

_WORDS = {
    "soutu_services.search.decoding.worker": "decoders",
    "soutu_services.search": "search",
    "soutu_services.embedding": "embedding",
    "rclone": "store",
}
GROUPS = ("search", "decoders", "embedding", "store")


@dataclass(frozen=True)
class Sample:
    """Memory at one moment.

    Attributes:
        seconds: On the monotonic clock.
        mib: Resident MiB by group, as the proportional set size (proc(5), smaps_rollup): a page that is mapped several times, by
            one process or by several, counts once. The catalog's connections all map the same file.
        anonymous_mib: The part of it that belongs to no file: what cannot be dropped and read again.
        decoders: How many decoders there are.
    """

    seconds: float
    mib: dict[str, float]
    anonymous_mib: dict[str, float]
    decoders: int


def sample_memory() -> Sample:
    """Sample the descendants of this process."""
    resident: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    anonymous: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    count: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
            group = next((group for word, group in _WORDS.items() if word in command), None)
            if group is not None:
                told = memory_of(process.pid)
                resident[group] += told["Pss"] / 1024
                anonymous[group] += told["Anonymous"] / 1024
                count[group] += 1
        except (psutil.Error, OSError, KeyError):  # it has just ended
            continue
    return Sample(time.monotonic(), _rounded(resident), _rounded(anonymous), count["decoders"])


def memory_of(pid: int) -> dict[str, int]:
    """Return a process's memory in KiB, by kind.

    Raises:
        OSError: It has ended.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name.removesuffix(":"): int(size) for name, size, *_ in map(str.split, lines)}


def _rounded(given: dict[str, float]) -> dict[str, float]:
    return {group: round(mib, 1) for group, mib in given.items()}
