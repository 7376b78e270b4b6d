"""A program that starts on a data folder, answers, and says how long that took and what memory it has: ``started FOLDER HOW``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from bench.index.library import SPACE
from bench.index.memory import memory_mib
from bench.index.world import World
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy
from soutu_services.search.library_index import LibraryIndex

_QUERIES = 200


def main() -> None:
    """Start, answer, and write one line of JSON."""
    folder, is_cold = Path(sys.argv[1]), sys.argv[2] == "cold"
    if is_cold:
        for path in folder.iterdir():
            _drop_from_cache(path)
    texts = World().texts(_QUERIES, photos=8192)
    before = memory_mib()
    began, own = time.perf_counter(), time.process_time()
    with Catalog.open(folder / "catalog.sqlite3") as catalog:
        index = LibraryIndex(catalog, snapshot=folder / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        index.load()
        current = index.current
        assert current is not None
        loaded = time.perf_counter()
        ids, cosines = current.search(texts[0], 10)
        answered, used = time.perf_counter(), time.process_time() - own
        after_first = memory_mib()
        for text in texts:
            current.search(text, 10)
        after_queries = memory_mib()
        everything = current.ids()
        for start in range(0, len(everything), 4096):
            current.vectors(everything[start : start + 4096])
        after_all = memory_mib()
        _, wanted = catalog.embeddings.by_ids(SPACE, np.sort(ids))
        is_right = np.allclose(np.sort(wanted @ texts[0]), np.sort(cosines), atol=1e-5)
    told = {
        "kind": current.kind,
        "vectors": len(current),
        "load_seconds": round(loaded - began, 3),
        "first_answer_seconds": round(answered - began, 3),
        "cpu_seconds": round(used, 3),
        "cosines_are_the_catalogs": bool(is_right),
        "memory_mib": {"before": before, "first_answer": after_first, f"{_QUERIES} queries": after_queries, "all": after_all},
    }
    sys.stdout.write(json.dumps(told) + "\n")


def _drop_from_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
