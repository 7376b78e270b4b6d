"""What is measured of the index of a library of some size."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from bench.index.library import SPACE, make_catalog, photo_id
from bench.index.service import service
from bench.index.world import BLOCK, DIMENSION, World
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy, LayeredIndex
from soutu_services.search.index_rebuilder import IndexRebuilder
from soutu_services.search.library_index import LibraryIndex

__all__ = ["Measured", "measure"]

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]
Measured = dict[str, Any]
Found = TypeVar("Found")

TEXTS = 200
_TIMED = 60
_ADDED = 10_000
_BATCH = 32
_SHARES = (0.5, 0.1, 0.01, 0.001)
_DEEP = 1125
"""What the service asks the index for: ``MAX_DEPTH`` and an eighth."""

_BitmapSelector: Any = faiss.IDSelectorBitmap
_SearchParameters: Any = faiss.SearchParameters


def measure(folder: Path, photos: int, say: Callable[[str], None]) -> Measured:
    """Make a library of so many photos in a folder, and measure its index against ``IndexFlatIP`` on one thread."""
    world = World()
    texts = world.texts(TEXTS, photos)
    say(f"{photos:,}: catalog")
    began = time.perf_counter()
    make_catalog(folder / "catalog.sqlite3", world.blocks(photos), dimension=DIMENSION, waiting=2 * _ADDED + photos // 50)
    told: Measured = {"photos": photos, "catalog_seconds": _since(began)}
    say(f"{photos:,}: baseline")
    exact = Exact(world, photos)
    nearest = exact.nearest(texts, 10)
    with Catalog.open(folder / "catalog.sqlite3") as catalog:
        index = LibraryIndex(catalog, snapshot=folder / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        say(f"{photos:,}: build")
        began = time.perf_counter()
        index.load()
        told["build_seconds"] = _since(began)
        index.save()
        current = index.current
        assert isinstance(current, LayeredIndex)
        told["kind"] = current.kind
        say(f"{photos:,}: queries")
        told["query"] = _queries(exact, current, texts, nearest, 10)
        told["deep_query"] = _queries(exact, current, texts, nearest, _DEEP)
        told["filters"] = [_filtered(exact, current, texts, share) for share in _SHARES]
    say(f"{photos:,}: start")
    told["start_cold"] = _started(folder, "cold")
    told["start_warm"] = _started(folder, "warm")
    say(f"{photos:,}: service")
    told["service"] = service(folder, photos)
    with Catalog.open(folder / "catalog.sqlite3") as catalog:
        index = LibraryIndex(catalog, snapshot=folder / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        index.load()
        current = index.current
        assert isinstance(current, LayeredIndex)
        say(f"{photos:,}: adds")
        told["adds"] = _adds(index, current, texts, photos)
        say(f"{photos:,}: deletes")
        told["deletes"] = _deletes(exact, current, texts, photos)
    return told


class Exact:
    """The baseline: faiss's ``IndexFlatIP``, float32, on one thread. Ids are those of the catalog: 1 and on."""

    def __init__(self, world: World, photos: int) -> None:
        self._index: Any = faiss.IndexFlatIP(world.dimension)
        for block in world.blocks(photos):
            self._index.add(block)

    def search(self, query: FloatArray, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> IdArray:
        """List the ids of the nearest, of those that are allowed."""
        faiss.omp_set_num_threads(1)
        parameters = None
        if allowed is not None:
            parameters = _SearchParameters(sel=_BitmapSelector(np.packbits(allowed, bitorder="little")))
        _, found = self._index.search(query.reshape(1, -1), k, params=parameters)
        ids: IdArray = found[0][found[0] >= 0] + 1
        return ids

    def nearest(self, queries: FloatArray, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> list[IdArray]:
        """Do so for several."""
        return [self.search(query, k, allowed) for query in queries]


def _queries(exact: Exact, index: LayeredIndex, texts: FloatArray, nearest: Sequence[IdArray], k: int) -> Measured:
    before, after = Times(), Times()
    for text in texts[:_TIMED]:  # in turn, so that what else the machine does slows both
        before.of(exact.search, text, k)
        after.of(index.search, text, k)
    found = [index.search(text, k)[0][:10] for text in texts]
    return {"k": k, **_ratio(before, after), "recall_at_10": _recall(found, nearest)}


def _filtered(exact: Exact, index: LayeredIndex, texts: FloatArray, share: float) -> Measured:
    photos = len(index)
    chance = np.random.default_rng(7)
    is_allowed = chance.random(photos) < share
    allowed = np.flatnonzero(is_allowed) + 1
    before, after = Times(), Times()
    wanted, found = [], []
    for text in texts[:_TIMED]:
        wanted.append(before.of(exact.search, text, 10, is_allowed))
        found.append(after.of(index.search, text, 10, allowed)[0])
    fewest = min(len(one) - min(10, len(allowed)) for one in found)
    return {"share": share, **_ratio(before, after), "recall_at_10": _recall(found, wanted), "fewer_than_exist": -fewest}


def _started(folder: Path, how: str) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "bench.index.started", str(folder), how], check=True, capture_output=True, text=True
    )
    told: Measured = json.loads(done.stdout)
    return told


def _adds(index: LibraryIndex, current: LayeredIndex, texts: FloatArray, photos: int) -> Measured:
    """Add photos as the ingest does, while somebody searches and the base is made anew meanwhile."""
    to_begin_with = max(0, photos // 50 - _ADDED // 2)  # so that the base is due in the middle
    vectors = np.concatenate(list(World().blocks(to_begin_with + _ADDED, first_block=photos // BLOCK + 1)))
    added = 0

    def add(count: int) -> None:
        nonlocal added
        some = [photo_id(photos + number) for number in range(added, added + count)]
        index.put(SPACE, some, vectors[added : added + count])
        added += count

    while added < to_begin_with:
        add(min(2048, to_begin_with - added))
    quiet, busy = Times(), Times()
    for text in texts:
        quiet.of(current.search, text, 10)
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            busy.of(current.search, texts[len(busy.clock) % len(texts)], 10)
            stop.wait(0.01)

    before = current.base_file
    rebuilder = IndexRebuilder(index, interval_seconds=0.5)
    searcher = threading.Thread(target=search)
    began = time.perf_counter()
    rebuilder.start()
    searcher.start()
    end = added + _ADDED
    while added < end:
        add(min(_BATCH, end - added))
    seconds = _since(began)
    while current.is_due or current.base_file == before:
        time.sleep(0.1)
        if time.perf_counter() - began > 600:
            break
    until_anew = _since(began)
    stop.set()
    searcher.join()
    rebuilder.stop(600)
    last = current.search(vectors[added - 1], 1)[1]
    return {
        "photos": _ADDED,
        "seconds": seconds,
        "seconds_until_made_anew": until_anew,
        "median_ms_before": _ms(statistics.median(quiet.clock)),
        "slowest_ms_before": _ms(max(quiet.clock)),
        "queries": len(busy.clock),
        "median_ms": _ms(statistics.median(busy.clock)),
        "p99_ms": _ms(float(np.percentile(busy.clock, 99))),
        "slowest_ms": _ms(max(busy.clock)),
        "slowest_to_median": round(max(busy.clock) / statistics.median(busy.clock), 1),
        "last_is_found": bool(last[0] > 0.9999),
    }


def _deletes(exact: Exact, current: LayeredIndex, texts: FloatArray, photos: int) -> Measured:
    """Remove a tenth, nearest ones among them, and look that none is found and none is missing."""
    nearest = exact.nearest(texts, 5)
    removed = np.union1d(np.concatenate(nearest), np.random.default_rng(9).choice(photos, photos // 10, replace=False) + 1)
    current.remove(np.arange(photos + 1, photos + 1 + photos // 25 + 2 * _ADDED))  # what was added meanwhile
    began = time.perf_counter()
    current.remove(removed)
    seconds = _since(began)
    is_allowed = np.ones(photos, dtype=bool)
    is_allowed[removed - 1] = False
    before, after = Times(), Times()
    wanted, found = [], []
    for text in texts[:_TIMED]:
        wanted.append(before.of(exact.search, text, 10, is_allowed))
        found.append(after.of(current.search, text, 10)[0])
    returned = int(sum(np.isin(one, removed).sum() for one in found))
    return {
        "removed": len(removed),
        "seconds": seconds,
        **_ratio(before, after),
        "recall_at_10": _recall(found, wanted),
        "removed_but_found": returned,
    }


@dataclass
class Times:
    """How long calls took, in seconds: on the clock, and of this thread's processor, which what else runs here hardly touches."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def of(self, call: Callable[..., Found], *arguments: object) -> Found:
        """Call, and take the time."""
        began, own = time.perf_counter(), time.thread_time()
        found = call(*arguments)
        self.processor.append(time.thread_time() - own)
        self.clock.append(time.perf_counter() - began)
        return found


def _ratio(before: Times, after: Times) -> Measured:
    exact, ours = statistics.median(before.clock), statistics.median(after.clock)
    exact_cpu, our_cpu = statistics.median(before.processor), statistics.median(after.processor)
    return {
        "exact_ms": _ms(exact),
        "ms": _ms(ours),
        "p99_ms": _ms(float(np.percentile(after.clock, 99))),
        "faster": round(exact / ours, 1),
        "exact_cpu_ms": _ms(exact_cpu),
        "cpu_ms": _ms(our_cpu),
        "faster_cpu": round(exact_cpu / our_cpu, 1),
    }


def _recall(found: Sequence[IdArray], wanted: Sequence[IdArray]) -> float:
    there = sum(len(np.intersect1d(one, other)) for one, other in zip(found, wanted, strict=True))
    return round(there / max(1, sum(map(len, wanted))), 4)


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)
