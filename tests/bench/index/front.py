"""Where indexes lie between recall, time and memory: ``front NAME FOLDER build|ask`` is run for each, in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from bench.index.memory import memory_mib
from bench.index.rivals import RIVALS
from bench.index.world import World
from soutu_services.runtime.blas import use_one_blas_thread

__all__ = ["front"]

_TEXTS = 200
_TIMED = 40
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS"), "1")
_MOST_SECONDS = 3600


def front(folder: Path, photos: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure all over the same vectors and texts; what cannot be installed or run here says so in its place."""
    world = World()
    vectors = np.concatenate(list(world.blocks(photos)))
    texts = world.texts(_TEXTS, photos)
    exact: Any = faiss.IndexFlatIP(world.dimension)
    exact.add(vectors)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "texts.npy", texts)
    np.save(folder / "nearest.npy", exact.search(texts, 10)[1])
    del exact, vectors
    told = []
    for name in RIVALS:
        say(f"{photos:,}: {name}")
        try:
            built = _run(name, folder, "build", {})
            told += [{"photos": photos, "index": name, **built, **one} for one in _run(name, folder, "ask", _ONE_THREAD)]
        except subprocess.SubprocessError as error:
            lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            told.append({"photos": photos, "index": name, "problem": lines[-1] if lines else "it ended"})
    return told


def _run(name: str, folder: Path, what: str, environment: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "bench.index.front", name, str(folder), what],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
        timeout=_MOST_SECONDS,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _build(name: str, folder: Path) -> dict[str, Any]:
    vectors = np.load(folder / "vectors.npy")
    began = time.perf_counter()
    RIVALS[name].build(folder, vectors)
    return {"build_seconds": round(time.perf_counter() - began, 1)}


def _ask(name: str, folder: Path) -> list[dict[str, Any]]:
    texts, nearest = np.load(folder / "texts.npy"), np.load(folder / "nearest.npy")
    before = memory_mib()["anonymous"]
    told, searches = [], []
    for opened in RIVALS[name].open(folder, texts.shape[1]):
        found = [opened.search(text) for text in texts]
        recall = sum(len(np.intersect1d(one, other)) for one, other in zip(found, nearest, strict=True)) / nearest.size
        memory = memory_mib()
        told.append(
            {
                "setting": opened.setting,
                "recall_at_10": round(recall, 4),
                "anonymous_mib": round(memory["anonymous"] - before, 1),
                "resident_mib": memory["resident"],
            }
        )
        searches.append(opened.search)
    exact: Any = faiss.IndexFlatIP(texts.shape[1])  # only now: it is no part of the memory above
    exact.add(np.load(folder / "vectors.npy", mmap_mode="r"))
    faiss.omp_set_num_threads(1)
    for one, search in zip(told, searches, strict=True):
        plain, ours = [], []
        for text in texts[:_TIMED]:
            began = time.perf_counter()
            exact.search(text.reshape(1, -1), 10)
            between = time.perf_counter()
            search(text)
            plain.append(between - began)
            ours.append(time.perf_counter() - between)
        one |= {
            "exact_ms": round(1000 * statistics.median(plain), 3),
            "ms": round(1000 * statistics.median(ours), 3),
            "faster": round(statistics.median(plain) / statistics.median(ours), 2),
        }
    return told


if __name__ == "__main__":
    use_one_blas_thread()
    asked = (_build if sys.argv[3] == "build" else _ask)(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.write(json.dumps(asked) + "\n")
