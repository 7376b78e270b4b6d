"""``make bench ONLY=query``: a search by text from end to end, SDK to SDK, against its bare parts in the same run.

The text tower is ViT-B-16 in int8 with random weights; no sentence is asked twice, except to see what the cache is worth. The
library is generated, and kept with the model below ``.bench``, so that a second run starts soon. Results go to
``.bench/query.json`` and ``.bench/query.png``, tables to the standard output. ``SIZES`` says of how many photos, by default
100,000; ``SECONDS`` how long each of the three measures takes, by default 60.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.bars import Bar, Group, draw_bars
from bench.clip_model import bundle
from bench.markdown import table
from bench.query.house import generated_library, serving
from bench.query.measures import PAGE, Sentences, alone, loaded, thumbnails
from soutu_services.runtime.blas import use_one_blas_thread

__all__ = ["main"]

_FOLDER = Path(".bench")
_MODEL = _FOLDER / "vit-b-16"
_MOST_RATIO, _MOST_TAIL = 1.3, 3.0


def main() -> int:
    """Measure, and write what came out."""
    sizes = [int(one) for one in os.environ.get("SIZES", "").split() or ("100000",)]
    seconds = float(os.environ.get("SECONDS", "") or 60)
    use_one_blas_thread()
    model = bundle(_MODEL, "int8")
    told = []
    for photos in sizes:
        folder = _FOLDER / f"query-{photos}"
        sys.stderr.write(f"{photos:,}: library\n")
        generated_library(folder, model, photos)
        sys.stderr.write(f"{photos:,}: services\n")
        with serving(folder, model, photos) as house:
            sentences = Sentences()
            one: dict[str, Any] = {"photos": photos}
            sys.stderr.write(f"{photos:,}: one caller\n")
            one["alone"] = alone(house, folder, model, sentences, seconds)
            sys.stderr.write(f"{photos:,}: load\n")
            one["loaded"] = loaded(house, sentences, seconds)
            sys.stderr.write(f"{photos:,}: thumbnails\n")
            one["thumbnails"] = thumbnails(house, seconds / 4, photos)
            told.append(one)
    (_FOLDER / "query.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(map(_tables, told)))
    draw_bars([group for one in told for group in _bars(one)], _FOLDER / "query.png")
    return 0


def _tables(told: Mapping[str, Any]) -> str:
    one, load, pictures = told["alone"], told["loaded"], told["thumbnails"]
    stages = ", ".join(f"{name} {ms:g}" for name, ms in one["stages_mean_ms"].items())
    rows = [
        ("bare text tower (int8, own length)", one["tower_ms"], "", ""),
        (f"bare index, {PAGE} nearest", one["index_ms"], "", ""),
        ("baseline: both", one["bare_ms"], 1, ""),
        (f"search, {PAGE} hits", one["search_ms"], one["ratio"], f"{_MOST_RATIO:g}"),
        ("the same with a filter", one["filtered_ms"], one["ratio_filtered"], f"{_MOST_RATIO:g}"),
        ("the same words again (cached)", one["cached_ms"], round(one["cached_ms"] / one["bare_ms"], 3), ""),
        ("p99 of the search", one["search_p99_ms"], round(one["search_p99_ms"] / one["bare_ms"], 3), ""),
    ]
    facts = [
        ("stages in the search service, means in ms", stages),
        (
            "processor time of a search, SDK and both services, and of the bare parts",
            f"{one['cpu_ms']} ms, {one['bare_cpu_ms']} ms = {one['ratio_cpu']} x",
        ),
        ("saturating load, 8 callers", f"{load['saturating_per_second']} queries/s"),
        (
            f"at half of it, {load['queries']} queries",
            f"p50 {load['p50_ms']} ms, p99 {load['p99_ms']} ms = {load['p99_to_p50']} x p50 (at most {_MOST_TAIL:g})",
        ),
        (
            "a thumbnail, from the store and from the service",
            f"{pictures['store_ms']} ms, {pictures['service_ms']} ms = {pictures['ratio']} x",
        ),
        (
            f"{PAGE} thumbnails, 8 at a time",
            f"{pictures['store_page_ms']} ms, {pictures['service_page_ms']} ms = {pictures['ratio_page']} x",
        ),
    ]
    head = ("one caller", "ms", "x baseline", "at most")
    title = f"## A search by text, {told['photos']:,} photos, medians of {one['rounds']} rounds"
    return f"{title}\n\n{table(head, rows)}\n{table(('', ''), facts)}"


def _bars(told: Mapping[str, Any]) -> list[Group]:
    one, load = told["alone"], told["loaded"]
    names = {"bare_ms": "tower and index", "search_ms": "search", "filtered_ms": "with a filter", "cached_ms": "cached"}
    bars = [Bar(name, one[key], f"{one[key]:g} ms", key == "bare_ms") for key, name in names.items()]
    tail = [Bar("p50", load["p50_ms"], f"{load['p50_ms']:g} ms", True), Bar("p99", load["p99_ms"], f"{load['p99_ms']:g} ms")]
    return [
        Group(
            f"{told['photos']:,} photos, one caller; the line: {_MOST_RATIO:g} x the bare parts",
            bars,
            _MOST_RATIO * one["bare_ms"],
        ),
        Group(f"half the saturating load; the line: {_MOST_TAIL:g} x p50", tail, _MOST_TAIL * load["p50_ms"]),
    ]


if __name__ == "__main__":
    sys.exit(main())
