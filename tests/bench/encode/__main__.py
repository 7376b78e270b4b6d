"""``make bench ONLY=encode``: the towers' variants side by side, and what the embedding service adds to them over gRPC.

The model is ViT-B-16 with random weights, made once and kept below ``.bench`` with its bundles. The baseline is torch in fp32
with texts padded to 52 tokens; each measure is taken in turn with its baseline. OpenVINO is measured where it is installed; soutu
does not need it. Results go to ``.bench/encode.json`` and ``.bench/encode.png``, tables to the standard output. ``SECONDS`` says
how long each of the four parts takes, by default 60; ``SIZES`` behind how many photos a person waits, by default 10,000;
``PHOTOS`` names a folder of photographs for the drift, by default soutu's samples.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.bars import Bar, Group, draw_bars
from bench.clip_model import bundle
from bench.encode.ingesting import behind_photos
from bench.encode.serving import embedding_service, many_callers, one_caller
from bench.encode.variants import BASELINE, WORKS, variants
from bench.markdown import table

__all__ = ["main"]

_FOLDER = Path(".bench")
_MODEL = _FOLDER / "vit-b-16"
_MOST_ADDED_MS, _LEAST_SHARE = 2.0, 0.9


def main() -> int:
    """Measure, and write what came out after each part."""
    seconds = float(os.environ.get("SECONDS", "") or 60)
    photos = int(os.environ.get("SIZES", "").split()[0] if os.environ.get("SIZES", "").split() else 10_000)
    _FOLDER.mkdir(exist_ok=True)
    for precision in ("fp32", "fp16", "int8"):
        bundle(_MODEL, precision)
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=_FOLDER) as work:
        told["variants"] = variants(_MODEL, Path(work), seconds, _say)
        _keep(told)
        with embedding_service(_MODEL / "int8") as (address, _):
            _say("one caller")
            told["one_caller"] = one_caller(address, _MODEL / "int8", seconds)
            _say("32 callers")
            told["many_callers"] = many_callers(address, _MODEL / "int8", seconds)
        _keep(told)
        told["behind"] = behind_photos(Path(work), _MODEL / "int8", photos, seconds, _say)
        _keep(told)
    sys.stdout.write(_tables(told))
    draw_bars(_bars(told), _FOLDER / "encode.png")
    return 0


def _keep(told: Mapping[str, Any]) -> None:
    (_FOLDER / "encode.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _tables(told: Mapping[str, Any]) -> str:
    speeds = [
        (
            one["variant"],
            *(f"{one[work]['ms']:g} ms, {one[work]['faster']:g} x ({one['cpu'][work]['faster']:g} x)" for work in WORKS),
        )
        for one in told["variants"]
    ]
    names = ("drift_text", "drift_text_together", "drift_image", "text_mib", "image_mib")
    drifts = [(one["variant"], *("" if one[name] is None else one[name] for name in names)) for one in told["variants"]]
    served = []
    for tower, one in told["one_caller"].items():
        limit = f"at most {_MOST_ADDED_MS:g} ms more"
        served.append(
            (f"one caller, {tower}", f"{one['bare_ms']} ms", f"{one['served_ms']} ms", f"{one['added_ms']:+g} ms", limit)
        )
    for tower, one in told["many_callers"].items():
        bare = f"{one['bare_per_second']}/s in passes of {one['best_batch']}"
        limit = f"at least {_LEAST_SHARE:g}"
        served.append((f"32 callers, {tower}", bare, f"{one['per_second']}/s", f"{one['share']:g} of it", limit))
    behind = told["behind"]
    for what in ("text", "picture"):
        one = behind[what]
        busy = f"{one['busy_ms']} ms, at most {one['busy_longest_ms']} ms"
        longer = round(one["busy_longest_ms"] - one["alone_ms"], 1)
        served.append(
            (
                f"a search by {what} while {behind['photos']:,} photos are embedded",
                f"{one['alone_ms']} ms",
                busy,
                f"{longer:+g} ms at most",
                f"at most one pass: {behind['pass_ms']} ms of {behind['pass_items']:g} photos",
            )
        )
    return (
        f"## ViT-B-16's towers, one pass each, against {BASELINE} (by processor time)\n\n"
        f"{table(('variant', *WORKS), speeds)}\n"
        f"{table(('cosine distance, and size in MiB', 'text', 'texts together', 'image', 'text MiB', 'image MiB'), drifts)}\n"
        f"## The service over gRPC, int8\n\n{table(('', 'bare, or alone', 'served', '', 'wanted'), served)}"
    )


def _bars(told: Mapping[str, Any]) -> list[Group]:
    groups = []
    for work in WORKS:
        bars = [
            Bar(
                one["variant"],
                one[work]["faster"],
                f"{one[work]['faster']:g} x, {one[work]['ms']:g} ms",
                one["variant"] == BASELINE,
            )
            for one in told["variants"]
        ]
        groups.append(Group(f"{work}: times faster than {BASELINE}", bars, 1.0))
    shares = [Bar(f"32 callers, {tower}", one["share"], f"{one['share']:g}") for tower, one in told["many_callers"].items()]
    return [*groups, Group("share of the best pass's throughput, over gRPC", shares, _LEAST_SHARE)]


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
