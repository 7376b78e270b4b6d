"""``make bench ONLY=index``: the index against exact search in the same run, and against other indexes over the same vectors.

Results go to ``.bench/index.json`` and ``.bench/index.png``, tables to the standard output. ``SIZES`` says of how many photos, by
default 100,000 and 1,000,000, which takes some 10 GiB of disk and of memory; ``FRONT`` says how many the other indexes are given.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.index.front import front
from bench.index.measures import measure
from bench.index.plot import plot
from bench.index.tables import tables
from bench.index.world import REAL, World, describe
from soutu_services.runtime.blas import use_one_blas_thread

__all__ = ["main"]

_FOLDER = Path(".bench")


def main() -> int:
    """Measure, and write what came out."""
    sizes = [int(one) for one in os.environ.get("SIZES", "").split() or ("100000", "1000000")]
    in_front = int(os.environ.get("FRONT", "") or 100_000)
    _FOLDER.mkdir(exist_ok=True)
    use_one_blas_thread()
    looks = {"lite": REAL, "generated": describe(*World().sample(866, 2000))}
    told: dict[str, Any] = {"world": looks, "sizes": [], "front": []}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
            told["sizes"].append(measure(Path(folder), size, _say))
    if in_front:
        with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
            told["front"] = front(Path(folder), in_front, _say)
    (_FOLDER / "index.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(tables(told))
    plot(told, _FOLDER / "index.png")
    _say(f"{_FOLDER / 'index.json'}, {_FOLDER / 'index.png'}")
    return 0


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
