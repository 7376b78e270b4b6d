"""The memory of the services while tens of thousands of photos are ingested."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.generated_service import generated_service
from bench.memory_plot import plot_memory
from bench.process_memory import GROUPS, Sample, sample_memory
from bench.soak_pictures import Pictures
from soutu_client import Client
from soutu_services.search.catalog import Catalog
from soutu_services.search.store import S3Connection

__all__ = ["flat_memory"]

_IN_FOLDER = 1000
_SAMPLE_SECONDS = 2.0
_PARTS = 5


def flat_memory(folder: Path, photos: int, plot: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Sync a bucket of so many small pictures, and watch the memory of the search service, its decoders and the store.

    The embedding service is the tests' small one, in this process, so that reading, decoding and committing are what takes time.
    """
    pictures = Pictures([], 3)

    def fill(_: Catalog, __: S3Connection) -> None:
        bucket = folder / "s3" / "soutu-photos"
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, photos, _IN_FOLDER):
                within = bucket / f"{start // _IN_FOLDER:04}"
                within.mkdir(parents=True)
                some = pool.map(lambda _: pictures.new(), range(min(_IN_FOLDER, photos - start)))
                for number, data in enumerate(some):
                    (within / f"{start + number:06}.jpg").write_bytes(data)

    say(f"{photos:,} small pictures: making them")
    samples: list[Sample] = []
    with generated_service(folder, fill) as house, Client(house.address, timeout_seconds=3600) as client:
        say(f"{photos:,} small pictures: ingest")
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(_SAMPLE_SECONDS):
                samples.append(sample_memory())

        watcher = threading.Thread(target=watch)
        began = time.perf_counter()
        watcher.start()
        job = list(client.watch_job(client.start_sync(["photos"]).job_id, timeout_seconds=3600))[-1]
        seconds = time.perf_counter() - began
        stop.set()
        watcher.join()
        assert job.photos_done == photos, job
    plot_memory(samples, [], plot)
    half = samples[len(samples) // 2 :]
    done = [photos * (one.seconds - samples[0].seconds) / seconds for one in half]
    return {
        "photos": photos,
        "photos_per_second": round(photos / seconds, 1),
        "resident_mib": {group: [one.mib[group] for one in _spread(samples)] for group in GROUPS},
        "anonymous_mib": {group: [one.anonymous_mib[group] for one in _spread(samples)] for group in GROUPS},
        "anonymous_kib_a_photo_in_the_second_half": {
            group: round(1024 * float(np.polyfit(done, [one.anonymous_mib[group] for one in half], 1)[0]), 3) for group in GROUPS
        },
    }


def _spread(samples: list[Sample]) -> list[Sample]:
    """Pick some, from the first to the last, that lie evenly."""
    return [samples[round(at * (len(samples) - 1) / _PARTS)] for at in range(_PARTS + 1)]
