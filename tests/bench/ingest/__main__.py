"""``make bench ONLY=ingest``: from a photo's bytes to a photo that is found, and what a sync costs when there is nothing new.

``PHOTOS`` is a folder of pictures from which those of 12 megapixels are made; without it they are patches of colour. ``SIZES``
says how many photos are ingested of 12 megapixels, how many small ones, and how many are synced again: by default 200, 50,000
and 100,000. Results go to ``.bench/ingest.json`` and ``.bench/ingest.png``, tables to the standard output.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.ingest.flat import flat_memory
from bench.ingest.pictures import phone_pictures
from bench.ingest.pipeline import pipeline
from bench.ingest.rescan import rescan
from bench.ingest.sent import sent
from bench.markdown import table
from bench.soak_pictures import pictures_in

__all__ = ["main"]

_FOLDER = Path(".bench")
_SIZES = (200, 50_000, 100_000)
_SENT = 24


def main() -> int:
    """Measure, and write what came out."""
    large, small, again = [int(one) for one in os.environ.get("SIZES", "").split()] or _SIZES
    given = pictures_in(Path(os.environ["PHOTOS"])) if os.environ.get("PHOTOS") else []
    _FOLDER.mkdir(exist_ok=True)
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=_FOLDER) as name:
        folder = Path(name)
        _say(f"{large} pictures of 12 megapixels: making them")
        pictures = phone_pictures(folder / "phone", large, given)
        for what in ("pipeline", "memory", "rescan"):
            (folder / what).mkdir()
        told["pipeline"] = pipeline(folder / "pipeline", _FOLDER / "models", pictures, _say)
        told["sent"] = sent(_FOLDER / "models", pictures[:_SENT], _say)
        told["memory"] = flat_memory(folder / "memory", small, _FOLDER / "ingest.png", _say)
        told["rescan"] = rescan(folder / "rescan", again, 3, _say)
    (_FOLDER / "ingest.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(_tables(told))
    return 0


def _tables(told: Mapping[str, Any]) -> str:
    flow, memory, again, small = told["pipeline"], told["memory"], told["rescan"], told["sent"]
    by_program = ", ".join(f"{name} {value}" for name, value in flow["cpu_ms_a_photo_by_program"].items())
    most = f"{flow['cores']} cores / {flow['cpu_ms_a_photo']} ms = {flow['most_photos_per_second']}"
    rows: list[tuple[object, ...]] = [
        (
            "12 MP photos a second",
            flow["photos_per_second"],
            f"plain loop {flow['plain']['photos_per_second']}",
            flow["faster"],
            "2.5",
        ),
        ("of what the cores allow", flow["photos_per_second"], most, flow["share_of_most"], "0.9"),
        ("processor ms a photo", flow["cpu_ms_a_photo"], f"plain loop {flow['plain']['cpu_ms_a_photo']}", "", by_program),
        ("bytes sent a photo", small["sent_bytes"], f"photo {small['photo_bytes']}", "", ""),
    ]
    for name in ("lite", "ViT-B-16, random weights"):
        rows.append(
            (f"mean cosine to the photo's, {name}", small[name]["mean_cosine"], "", "", f"least {small[name]['least_cosine']}")
        )
    rows.append(
        (
            f"sync of {again['objects']:,} unchanged, seconds",
            again["sync_seconds"],
            f"bare listing {again['listing_seconds']}",
            f"{again['ratio']}; by processor time {again['ratio_cpu']}",
            "1.2",
        )
    )
    growth = [
        (group, *memory["anonymous_mib"][group], memory["anonymous_kib_a_photo_in_the_second_half"][group])
        for group in memory["anonymous_mib"]
        if group != "embedding"
    ]
    steps = [f"{round(100 * at / (len(growth[0]) - 3))} %" for at in range(len(growth[0]) - 2)]
    head = ("anonymous MiB", *steps, "KiB a photo, second half")
    return (
        f"## Ingest\n\n{table(('', 'soutu', 'beside', 'ratio', 'target'), rows)}\n"
        f"## Memory over {memory['photos']:,} photos ({memory['photos_per_second']}/s)\n\n{table(head, growth)}"
    )


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
