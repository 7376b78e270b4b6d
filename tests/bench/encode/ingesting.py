"""How long a person waits while ten thousand photos are embedded: through the search service, with a real ingest running."""

from __future__ import annotations

import itertools
import signal
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.encode.serving import embedding_service, thumbnail_files
from bench.query.asked import sentence
from loopback_ports import free_address
from object_store import serve_folder
from patience import eventually
from search_process import SearchProcess
from soutu_client import Client

__all__ = ["behind_photos"]

_FIRST = 8
"""Photos that are embedded before anything is measured."""
_PAUSE_SECONDS = 0.2
_METRICS = {
    "soutu_embedding_forward_seconds_count": "count",
    "soutu_embedding_forward_seconds_sum": "sum",
    "soutu_embedding_batch_items_sum": "items",
}


def behind_photos(folder: Path, model: Path, photos: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Drop photos into the bucket; search by words, and by a picture, before and while they are embedded."""
    inbox = folder / "s3" / "soutu-photos"
    inbox.mkdir(parents=True)
    _fill(inbox, photos)
    say(f"behind {photos:,} photos: services")
    with embedding_service(model) as (address, metrics), serve_folder(folder / "s3") as store:
        process = SearchProcess(
            {
                "SOUTU_SEARCH_LISTEN": free_address(),
                "SOUTU_SEARCH_METRICS_LISTEN": "",
                "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
                "SOUTU_SEARCH_STORE__URL": store.url,
                "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
                "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
                "SOUTU_SEARCH_EMBEDDING_ADDRESS": address,
                "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
            }
        )
        try:
            with Client(process.wait_ready(), timeout_seconds=60) as client:
                eventually(lambda: client.status().spaces)
                say("behind photos: alone")
                alone = _asked(client, seconds / 3)
                client.start_sync()
                eventually(lambda: client.status().index.vectors >= _FIRST)
                before = _bulk_passes(metrics)
                say("behind photos: while they are embedded")
                busy = _asked(client, seconds * 2 / 3)
                left = client.status()
                after = _bulk_passes(metrics)
        finally:
            process.end(signal.SIGKILL)
    passes, spent, items = (after[name] - before[name] for name in ("count", "sum", "items"))
    return {
        "photos": photos,
        "left": photos - left.index.vectors,
        "passes": int(passes),
        "pass_ms": round(1000 * spent / max(1, passes), 1),
        "pass_items": round(items / max(1, passes), 2),
        "photos_per_second": round(items / (seconds * 2 / 3), 1),
        **{
            name: {
                "alone_ms": _ms(statistics.median(alone[name])),
                "busy_ms": _ms(statistics.median(busy[name])),
                "busy_longest_ms": _ms(max(busy[name])),
                "asked": len(busy[name]),
            }
            for name in alone
        },
    }


def _asked(client: Client, seconds: float) -> dict[str, list[float]]:
    pictures = thumbnail_files()
    times: dict[str, list[float]] = {"text": [], "picture": []}
    until = time.monotonic() + seconds
    while time.monotonic() < until or not times["picture"]:
        number = next(_number)
        began = time.perf_counter()
        client.search(sentence(number))
        times["text"].append(time.perf_counter() - began)
        time.sleep(_PAUSE_SECONDS)
        began = time.perf_counter()
        client.similar(pictures[number % len(pictures)])
        times["picture"].append(time.perf_counter() - began)
        time.sleep(_PAUSE_SECONDS)
    return times


_number = itertools.count()


def _fill(inbox: Path, photos: int) -> None:
    """Write photos that look like a few and are as many contents: a comment in each file says its number."""
    seeds = thumbnail_files()
    for number in range(photos):
        data, comment = seeds[number % len(seeds)], b"%08d" % number
        path = inbox / f"{number // 500:03}" / f"IMG_{number:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + data[2:])


def _bulk_passes(metrics: str) -> dict[str, float]:
    """Read how many passes over photos there were, how long they took, and over how many photos they were."""
    with urllib.request.urlopen(f"http://{metrics}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    told = {"count": 0.0, "sum": 0.0, "items": 0.0}
    for line in lines:
        if 'priority="bulk"' not in line or 'tower="image"' not in line:
            continue
        name, value = line.partition("{")[0], float(line.rpartition(" ")[2])
        for metric, key in _METRICS.items():
            if name == metric:
                told[key] = value
    return told


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
