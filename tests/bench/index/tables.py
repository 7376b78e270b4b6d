"""What was measured, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.index.world import PERCENTILES
from bench.markdown import table

__all__ = ["tables"]

_TARGETS = {100_000: 12, 1_000_000: 15}


def tables(told: Mapping[str, Any]) -> str:
    """Write tables in Markdown."""
    parts = [_world(told["world"]), *(_size(size) for size in told["sizes"])]
    if told["front"]:
        parts.append(_front(told["front"]))
    return "\n".join(parts)


def _world(world: Mapping[str, Any]) -> str:
    head = ("cosines of", "", *(f"{percent} %" for percent in PERCENTILES))
    rows = [(name, who, *values[name]) for name in world["lite"] for who, values in world.items()]
    return "## Vectors\n\n" + table(head, rows)


def _size(size: Mapping[str, Any]) -> str:
    rows = [("query", *_times(size["query"], _target(size["photos"])))]
    rows.append((f"query, {size['deep_query']['k']} asked for", *_times(size["deep_query"])))
    for one in size["filters"]:
        rows.append((f"{100 * one['share']:g} % allowed", *_times(one, f"fewer than exist: {one['fewer_than_exist']}")))
    gone = size["deletes"]
    rows.append((f"{gone['removed']:,} removed", *_times(gone, f"removed but found: {gone['removed_but_found']}")))
    adds, facts = size["adds"], []
    facts.append(("build from the catalog", f"{size['build_seconds']} s"))
    for how in ("cold", "warm"):
        start = size[f"start_{how}"]
        facts.append(
            (f"start to the first answer, {how}", f"{start['first_answer_seconds']} s, {start['cpu_seconds']} s of the processor")
        )
        for when, memory in start["memory_mib"].items():
            words = f"anonymous {memory['anonymous']:.0f} MiB, resident {memory['resident']:.0f} MiB"
            facts.append((f"memory, {how} start, {when}", words))
    whole = size["service"]
    words = " and ".join(f"{name} {mib:.0f} MiB" for name, mib in whole["memory_mib"].items())
    facts.append(("the whole service, after 50 queries", f"{words}; ready after {whole['ready_seconds']} s"))
    facts.append(("photos like a photo, 50 of them, client to client", f"{whole['median_ms']} ms"))
    facts.append(
        (
            f"{adds['photos']:,} added, while searching",
            f"{adds['seconds']} s; made anew after {adds['seconds_until_made_anew']} s",
        )
    )
    facts.append(("queries before, median and slowest", f"{adds['median_ms_before']} ms, {adds['slowest_ms_before']} ms"))
    words = (
        f"{adds['median_ms']} ms, {adds['p99_ms']} ms, {adds['slowest_ms']} ms = {adds['slowest_to_median']} x median (target 10)"
    )
    facts.append((f"{adds['queries']} queries meanwhile, median, p99 and slowest", words))
    head = (
        "against exact search on one thread",
        "exact ms",
        "soutu ms",
        "p99 ms",
        "times faster",
        "by processor time",
        "recall@10",
        "",
    )
    return f"\n## {size['photos']:,} photos ({size['kind']})\n\n{table(head, rows)}\n{table(('', ''), facts)}"


def _target(photos: int) -> str:
    return f"target {_TARGETS[photos]} times, 0.98" if photos in _TARGETS else ""


def _times(one: Mapping[str, Any], note: str = "") -> tuple[object, ...]:
    return one["exact_ms"], one["ms"], one["p99_ms"], one["faster"], one["faster_cpu"], one["recall_at_10"], note


def _front(front: Sequence[Mapping[str, Any]]) -> str:
    head = ("index", "setting", "recall@10", "ms", "exact ms", "times faster", "anonymous MiB", "resident MiB", "build s", "")
    rows = []
    for one in front:
        if "problem" in one:
            rows.append((one["index"], one["problem"], *[""] * 8))
            continue
        names = ("recall_at_10", "ms", "exact_ms", "faster", "anonymous_mib", "resident_mib", "build_seconds")
        rows.append((one["index"], one["setting"], *(one[name] for name in names), _dominated(one, front)))
    return f"\n## Other indexes, {front[0]['photos']:,} photos\n\n{table(head, rows)}"


def _dominated(one: Mapping[str, Any], front: Sequence[Mapping[str, Any]]) -> str:
    """Name what is at least as good in recall, time (as a ratio) and anonymous memory, and better in one of them."""

    def worth(each: Mapping[str, Any]) -> tuple[float, ...]:
        return each["recall_at_10"], each["faster"], -each["anonymous_mib"]

    better = [
        other["index"]
        for other in front
        if "problem" not in other
        and other["index"] != one["index"]
        and worth(other) != worth(one)
        and all(theirs >= own for theirs, own in zip(worth(other), worth(one), strict=True))
    ]
    return f"dominated by {better[0]}" if better else ""
