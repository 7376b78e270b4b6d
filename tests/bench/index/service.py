"""The search service as a whole, on a generated library: its memory, and how long a photo's neighbours take from end to end."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from bench.index.library import photo_id
from bench.index.memory import memory_mib
from loopback_ports import free_address
from search_process import SearchProcess
from soutu_client import Client

__all__ = ["service"]

_QUERIES = 50


def service(folder: Path, photos: int) -> dict[str, Any]:
    """Start it, ask it for what is like some photos, and look at the memory of it and of its decoders."""
    nowhere = free_address()
    process = SearchProcess(
        {
            "SOUTU_SEARCH_LISTEN": free_address(),
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_DATA_FOLDER": str(folder),
            "SOUTU_SEARCH_STORE__URL": f"http://{nowhere}",
            "SOUTU_SEARCH_EMBEDDING_ADDRESS": nowhere,
        }
    )
    try:
        began = time.perf_counter()
        with Client(process.wait_ready(), timeout_seconds=60) as client:
            assert client.status().index.vectors == photos
            started = time.perf_counter() - began
            idle = _memory(process.popen.pid)
            times = []
            for number in range(0, photos, photos // _QUERIES):
                asked = time.perf_counter()
                hits = client.similar(photo_id(number)).hits
                times.append(time.perf_counter() - asked)
                assert len(hits) == 50, "there are as many as a page takes"
        return {
            "ready_seconds": round(started, 2),
            "memory_mib_idle": idle,
            "memory_mib": _memory(process.popen.pid),
            "median_ms": round(1000 * statistics.median(times), 1),
        }
    finally:
        process.end()


def _memory(process: int) -> dict[str, float]:
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    told = [memory_mib(one.pid) for one in family]
    return {name: round(sum(one[name] for one in told), 1) for name in ("anonymous", "resident")}
