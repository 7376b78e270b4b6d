"""What is measured of a search by text: end to end beside its bare parts, under load, and the thumbnails that follow."""

from __future__ import annotations

import itertools
import re
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from bench.generated_library import photo_id
from bench.query.asked import FILTER, sentence
from bench.query.house import THUMBNAILS, House
from soutu_client import Client, Filter
from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.store import S3Connection

__all__ = ["PAGE", "Sentences", "alone", "loaded", "thumbnails"]

Measured = dict[str, Any]
Got = TypeVar("Got")

PAGE = 50
_CLIENTS = 8
_MOST_ARRIVALS = 4000
_STAGE = re.compile(r'soutu_query_(stage_)?seconds_(?P<what>sum|count)(\{stage="(?P<stage>\w+)"\})? (?P<value>\S+)')


class Sentences:
    """Hands out sentences that were not asked yet, to any thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def __next__(self) -> str:
        with self._lock:
            return sentence(next(self._numbers))


def alone(house: House, folder: Path, model: Path, sentences: Sentences, seconds: float) -> Measured:
    """One caller: the bare text tower, the bare index, the search, and the search with a filter, in turn."""
    limits = ImageLimits(max_bytes=1, max_pixels=1)
    encoder = OnnxBundleEncoder.load(model, towers={Tower.TEXT}, limits=limits, threads=psutil.cpu_count() or 1)
    times: dict[str, list[float]] = {name: [] for name in ("tower", "index", "cached", "search", "filtered")}
    with Catalog.open(folder / "data" / "catalog.sqlite3") as catalog, Client(house.address) as client:
        library = LibraryIndex(catalog, snapshot=folder / "data" / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        library.load()
        index = library.current
        assert index is not None

        def ask(text: str, chosen: Filter | None = None) -> None:
            page = client.search(text, filter=chosen, page_size=PAGE)
            assert len(page.hits) == PAGE, "there are as many as a page takes"
            assert not page.notices, page.notices

        for _ in range(3):  # warm
            ask(next(sentences))
            ask(next(sentences), FILTER)
        before = _stages(house)
        until = time.monotonic() + seconds
        used = bare_used = 0.0
        while time.monotonic() < until or not times["search"]:
            text = next(sentences)
            ids = [encoder.prepare_text(text)]
            begun = time.process_time()
            vector = _timed(times["tower"], encoder.encode_texts, ids)[0]
            _timed(times["index"], index.search, vector, PAGE)
            bare_used += time.process_time() - begun
            own = _cpu_seconds(house)
            _timed(times["search"], ask, text)
            used += _cpu_seconds(house) - own
            _timed(times["cached"], ask, text)
            _timed(times["filtered"], ask, next(sentences), FILTER)
        stages = {name: round(1000 * value, 3) for name, value in _means(before, _stages(house)).items()}
    bare = statistics.median(one + other for one, other in zip(times["tower"], times["index"], strict=True))
    return {
        "rounds": len(times["search"]),
        **{f"{name}_ms": _ms(statistics.median(some)) for name, some in times.items()},
        "search_p99_ms": _ms(float(np.percentile(times["search"], 99))),
        "bare_ms": _ms(bare),
        "ratio": round(statistics.median(_ratios(times, "search")), 3),
        "ratio_filtered": round(statistics.median(_ratios(times, "filtered")), 3),
        "stages_mean_ms": stages,
        "cpu_ms": _ms(used / len(times["search"])),
        "bare_cpu_ms": _ms(bare_used / len(times["search"])),
        "ratio_cpu": round(used / bare_used, 3),
    }


def loaded(house: House, sentences: Sentences, seconds: float) -> Measured:
    """Eight callers that never rest say what the services can do at most; then queries come at half of that rate, by chance."""
    with Client(house.address) as client:

        def ask() -> None:
            client.search(next(sentences), page_size=PAGE)

        until = time.monotonic() + seconds / 3
        asked = [0] * _CLIENTS

        def go_on(caller: int) -> None:
            while time.monotonic() < until:
                ask()
                asked[caller] += 1

        began = time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as pool:
            list(pool.map(go_on, range(_CLIENTS)))
        most = sum(asked) / (time.monotonic() - began)
        times = _arriving(ask, rate=most / 2, seconds=seconds * 2 / 3)
    p50, p99 = (float(np.percentile(times, percent)) for percent in (50, 99))
    return {
        "saturating_per_second": round(most, 1),
        "per_second": round(most / 2, 1),
        "queries": len(times),
        "p50_ms": _ms(p50),
        "p99_ms": _ms(p99),
        "p99_to_p50": round(p99 / p50, 2),
    }


def thumbnails(house: House, seconds: float, photos: int) -> Measured:
    """The thumbnails of a page, one after the other and eight at a time, beside reading the same objects from the store."""
    times: dict[str, list[float]] = {name: [] for name in ("store", "service", "store_page", "service_page")}
    of_page = min(PAGE, photos)
    with Client(house.address) as client, ThreadPoolExecutor(_CLIENTS) as pool:
        bucket = S3Connection(house.store.settings).bucket("soutu-thumbnails")

        def stored(photo: str) -> int:
            return len(bucket.read(f"{photo[:2]}/{photo}.jpg", max_bytes=1 << 20))

        def served(photo: str) -> int:
            return len(client.thumbnail(photo).image)

        pages = itertools.cycle(range(0, min(photos, THUMBNAILS) - of_page + 1, of_page))
        until = time.monotonic() + seconds
        while time.monotonic() < until or not times["store"]:
            ids = [photo_id(number) for number in itertools.islice(itertools.count(next(pages)), of_page)]
            one = ids[0]
            assert _timed(times["store"], stored, one) == _timed(times["service"], served, one)
            for name, get in (("store_page", stored), ("service_page", served)):
                _timed(times[name], _all_of, pool, get, ids)
    return {
        "rounds": len(times["store"]),
        **{f"{name}_ms": _ms(statistics.median(some)) for name, some in times.items()},
        "ratio": round(statistics.median(_ratios(times, "service", ("store",))), 2),
        "ratio_page": round(statistics.median(_ratios(times, "service_page", ("store_page",))), 2),
    }


def _timed(times: list[float], call: Callable[..., Got], *arguments: object) -> Got:
    began = time.perf_counter()
    got = call(*arguments)
    times.append(time.perf_counter() - began)
    return got


def _all_of(pool: ThreadPoolExecutor, get: Callable[[str], int], ids: Sequence[str]) -> int:
    return sum(pool.map(get, ids))


def _arriving(ask: Callable[[], None], *, rate: float, seconds: float) -> list[float]:
    """Ask at moments of chance (a Poisson process), however long answers take; times count from when each was due."""
    gaps = np.random.default_rng(3).exponential(1 / rate, _MOST_ARRIVALS)
    due = [float(at) for at in np.cumsum(gaps) if at < seconds] or [0.0]
    times = []

    def one(at: float) -> None:
        ask()
        times.append(time.monotonic() - began - at)

    with ThreadPoolExecutor(4 * _CLIENTS) as pool:
        began = time.monotonic()
        for at in due:
            time.sleep(max(0.0, began + at - time.monotonic()))
            pool.submit(one, at)
    assert len(times) == len(due), "a query failed"
    return times


def _ratios(times: dict[str, list[float]], name: str, bare: Sequence[str] = ("tower", "index")) -> Iterator[float]:
    """Compare each round with the bare parts of the same round."""
    for at, took in enumerate(times[name]):
        yield took / sum(times[one][at] for one in bare)


def _cpu_seconds(house: House) -> float:
    """Add up what this process, the SDK's, and the services have used."""
    return time.process_time() + sum(
        used.user + used.system for used in (program.cpu_times() for program in house.programs.values())
    )


def _stages(house: House) -> dict[str, tuple[float, float]]:
    """Read how many seconds the stages of queries took so far, and how many there were."""
    with urllib.request.urlopen(f"http://{house.metrics}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    told: dict[str, dict[str, float]] = {}
    for line in lines:
        found = _STAGE.fullmatch(line)
        if found:
            told.setdefault(found["stage"] or "all", {})[found["what"]] = float(found["value"])
    return {stage: (one["sum"], one["count"]) for stage, one in told.items()}


def _means(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> dict[str, float]:
    return {
        stage: (seconds - before[stage][0]) / (count - before[stage][1])
        for stage, (seconds, count) in after.items()
        if count > before[stage][1]
    }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
