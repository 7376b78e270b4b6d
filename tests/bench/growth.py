"""How cost grows with the library: ``make bench ONLY=growth``.

Generated libraries of several sizes are served by a real search service; what each thing costs is told beside what it costs with
the smallest library, and for ten million photos by calculation: as it grew from the last size but one to the last. OUT gets
``growth.json`` and ``growth.png``; the table goes to the standard output.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from bench.generated_library import fill_catalog
from bench.generated_service import generated_service
from bench.index.memory import memory_mib
from bench.ingest.rescan import rescan
from bench.markdown import table
from bench.plots import Curve, plot_curves
from bench.soak_pictures import Pictures
from bench.world_encoder import world_server
from soutu_client import Client, Filter, PhotoState
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy
from soutu_services.search.library_index import LibraryIndex

__all__ = ["main"]

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_CALCULATED = 10_000_000
_QUERIES = 300
_ADDED = 40
_LOOK_SECONDS = 0.005
_FIRST_YEAR, _YEARS = 2009, 16
_RESCANNED = 100_000
"""Files of the largest bucket that is listed again: more are as many times as much."""
_WORDS = ("雪地里的狗", "奶奶家", "海边的日落", "孩子们在公园里放风筝", "一辆红色的自行车", "旅行 2019", "厨房", "生日蛋糕")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write what came out."""
    parser = argparse.ArgumentParser(description="Libraries of several sizes.")
    given_sizes = [int(one) for one in os.environ.get("SIZES", "").split()]
    parser.add_argument("--sizes", type=int, nargs="*", default=given_sizes or _SIZES)
    parser.add_argument("--out", default=".bench", help="folder for growth.json and growth.png")
    given = parser.parse_args(arguments)
    out = Path(given.out)
    out.mkdir(exist_ok=True)
    told = []
    for photos in sorted(given.sizes):
        with tempfile.TemporaryDirectory(dir=out) as folder:
            told.append(_measured(Path(folder), photos))
        (out / "growth.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    plot_curves([_curve(name, unit, told) for name, unit in _UNITS.items()], out / "growth.png", x_label="photos")
    sys.stdout.write(_table(told))
    return 0


def _measured(folder: Path, photos: int) -> dict[str, float]:
    """Make a library, serve it, and tell what things cost."""
    told: dict[str, float] = {"photos": photos}

    def fill(catalog: Catalog, _: object) -> None:
        _say(f"{photos:,}: the library")
        fill_catalog(catalog, photos)
        index = LibraryIndex(catalog, snapshot=folder / "data" / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        _say(f"{photos:,}: build")
        began, own = time.perf_counter(), time.process_time()
        index.load()
        told["build_seconds"] = round(time.perf_counter() - began, 3)
        told["build_cpu_seconds"] = round(time.process_time() - own, 3)
        index.save()

    embedding = world_server()
    try:
        with generated_service(folder, fill, embedding=embedding.address) as house:
            told["start_seconds"] = round(house.start_seconds, 2)
            with Client(house.address, timeout_seconds=600) as client:
                _say(f"{photos:,}: queries")
                told["memory_idle_mib"] = _memory(house.search_pid)
                told |= _queries(client)
                told["memory_mib"] = _memory(house.search_pid)
                _say(f"{photos:,}: adding")
                told["add_ms"] = _adds(client, folder)
        told["disk_mib"] = round(sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file()) / 2**20, 1)
    finally:
        embedding.stop()
    if photos <= _RESCANNED:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            again = rescan(Path(name), photos, 3, _say)
            told["rescan_seconds"], told["rescan_to_listing"] = again["sync_seconds"], again["ratio"]
    return told


def _queries(client: Client) -> dict[str, float]:
    """Search by words of which some are names, a third of them with a filter, 50 hits each."""
    times: list[float] = []
    filtered: list[float] = []
    for number in range(_QUERIES):
        words = f"{_WORDS[number % len(_WORDS)]} {number}"
        chosen = None
        if number % 3 == 0:
            year = str(_FIRST_YEAR + number % _YEARS)
            chosen = Filter(taken_from=year, taken_until=year)
        began = time.perf_counter()
        page = client.search(words, filter=chosen)
        (times if chosen is None else filtered).append(time.perf_counter() - began)
        assert page.hits
    p50, p99 = np.percentile(times, (50, 99))
    return {
        "query_p50_ms": round(1000 * float(p50), 2),
        "query_p99_ms": round(1000 * float(p99), 2),
        "filtered_p50_ms": round(1000 * statistics.median(filtered), 2),
    }


def _adds(client: Client, folder: Path) -> float:
    """Upload photos one after the other; return the median time until one is found by its look, in milliseconds."""
    pictures = Pictures([], 7)
    times = []
    for number in range(_ADDED):
        path = folder / "outbox.jpg"
        path.write_bytes(pictures.new())
        began = time.perf_counter()
        sent = client.upload(path, name=f"新的/{number}.jpg")
        while client.photo(sent.photo_id).state is PhotoState.PENDING:
            time.sleep(_LOOK_SECONDS)
        times.append(time.perf_counter() - began)
    return round(1000 * statistics.median(times), 1)


def _memory(process: int) -> float:
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return round(sum(memory_mib(one.pid)["resident"] for one in family), 1)


_UNITS = {
    "query_p50_ms": "ms",
    "query_p99_ms": "ms",
    "filtered_p50_ms": "ms",
    "memory_mib": "MiB",
    "disk_mib": "MiB",
    "start_seconds": "s",
    "add_ms": "ms",
    "rescan_seconds": "s",
    "build_seconds": "s",
}


def _curve(name: str, unit: str, told: Sequence[dict[str, float]]) -> Curve:
    measured = [(one["photos"], one[name]) for one in told if name in one]
    return Curve(name.rpartition("_")[0].replace("_", " "), unit, measured, _calculated(measured))


def _calculated(measured: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Go on as a power law through the last two sizes."""
    if len(measured) < 2:
        return None
    (few, before), (many, after) = measured[-2:]
    power = max(0.0, math.log(after / before) / math.log(many / few))
    return _CALCULATED, after * (_CALCULATED / many) ** power


def _table(told: Sequence[dict[str, float]]) -> str:
    head = ("", *(f"{one['photos']:,}" for one in told), "largest to smallest", f"{_CALCULATED:,} (calculated)")
    rows = []
    for name, unit in _UNITS.items():
        values = [one.get(name) for one in told]
        there = [value for value in values if value is not None]
        curve = _curve(name, unit, told)
        shown = ["" if value is None else f"{value:g}" for value in values]
        ratio = f"{there[-1] / there[0]:.2f}" if there and there[0] else ""
        rows.append((f"{curve.name}, {unit}", *shown, ratio, f"{curve.calculated[1]:.3g}" if curve.calculated else ""))
    return f"## Growth\n\n{table(head, rows)}"


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
