"""The memory of this process."""

from __future__ import annotations

from pathlib import Path

__all__ = ["memory_mib"]


def memory_mib(process: int | str = "self") -> dict[str, float]:
    """Read it in MiB: ``anonymous`` belongs to no file; ``resident`` is all that is there, pages of mapped files included."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    told = {name.removesuffix(":"): int(size) / 1024 for name, size, *_ in map(str.split, lines)}
    return {"anonymous": round(told["Anonymous"], 1), "resident": round(told["Pss"], 1)}
