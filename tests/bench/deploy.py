"""Time a fresh clone to its first search, as each compose file has it: ``make bench ONLY=deploy``.

What is committed is cloned, and set up as ``make setup`` does, which is what an image is built of. Then the services of the
compose files are run as processes by the clone's own Python, by the files' own commands, variables and health checks; a photo is
uploaded, becomes searchable and is found by what it shows. Where the GPU machine is another, its certificate is made on the NAS
and carried over, and where there is none the photo is found by its name. The last line of the output is JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from compose_files import DEPLOY, settings_of
from compose_house import ComposeHouse
from patience import PATIENCE, eventually
from soutu_client import Client

__all__ = ["main"]

_ROOT = DEPLOY.parent
_PHOTO, _QUERY = DEPLOY / "samples" / "chelsea.jpg", "一只猫"
_HOUSES = "--houses"
_NAS = DEPLOY / "compose.nas.yaml"
_GPU_ADDRESS = {"SOUTU_SEARCH_EMBEDDING_ADDRESS": "embedding:8402"}
_LITE = {"SOUTU_EMBEDDING_MODELS": "lite", "SOUTU_EMBEDDING_DEVICE": "cpu"}
_KINDS: Mapping[str, Mapping[Path, Mapping[str, str]]] = {
    "compose.one.yaml": {DEPLOY / "compose.one.yaml": {}},
    "compose.nas.yaml + compose.gpu.yaml": {_NAS: _GPU_ADDRESS, DEPLOY / "compose.gpu.yaml": _LITE},
    "compose.nas.yaml, no GPU machine": {_NAS: {}},
}


class _Times:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - began, 2)


def main() -> int:
    """Measure; return the exit status."""
    if _HOUSES in sys.argv:
        sys.stdout.write(json.dumps({kind: _house(files) for kind, files in _KINDS.items()}) + "\n")
        return 0
    times = _Times()
    with tempfile.TemporaryDirectory(prefix="soutu-clone-") as place:
        clone = Path(place) / "soutu"
        with times.of("clone"):
            subprocess.run(["git", "clone", "--quiet", _ROOT, clone], check=True)
        with times.of("make setup"):
            subprocess.run(["deploy/setup.sh", "run"], cwd=clone, check=True, stdout=sys.stderr)
        python = clone / ".venv" / "bin" / "python"
        beside = ["-m", "pip", "install", "--quiet", "--constraint", "deploy/constraints.txt", "pyyaml"]  # to read the files with
        subprocess.run([python, *beside], cwd=clone, check=True, stdout=sys.stderr)
        ended = subprocess.run(
            [python, "-m", "bench.deploy", _HOUSES],
            cwd=clone,
            env={**os.environ, "PYTHONPATH": str(clone / "tests")},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    houses: dict[str, dict[str, float]] = json.loads(ended.stdout.splitlines()[-1])
    table = Table(title="seconds from a fresh clone to the first search")
    steps = [*times.seconds, "certificates", "start to healthy", "upload", "searchable", "first search"]
    for heading in ("", *steps, "all"):
        table.add_column(heading, justify="right" if heading else "left")
    told = {kind: {**times.seconds, **seconds} for kind, seconds in houses.items()}
    for kind, seconds in told.items():
        table.add_row(
            kind, *(f"{seconds[step]:.1f}" if step in seconds else "–" for step in steps), f"{sum(seconds.values()):.0f}"
        )
    Console(width=160).print(table)
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _house(files: Mapping[Path, Mapping[str, str]]) -> dict[str, float]:
    times = _Times()
    given = {file: (frozenset[str](), {**settings_of(), **variables}) for file, variables in files.items()}
    with (
        tempfile.TemporaryDirectory(prefix="soutu-house-") as place,
        ComposeHouse(Path(place), given, shared={"./certificates": Path(place) / "carried"}) as house,
    ):
        with times.of("certificates"):
            house.start("prepare")
            if _NAS in files:
                made = house.run("prepare", ["soutu-certificates", "/authority", "--host", f"gpu.local,{_host(house)}"])
                assert "gpu.local" in made
                (house.path("prepare", "/authority") / "gpu.local").rename(Path(place) / "carried")
        is_embedding = "embedding" in house.services
        with times.of("start to healthy"):
            house.start()
        token = house.path("search", "/data/admin-token").read_text().strip()
        with Client(
            house.address("search", "8401"),
            token=token,
            authority=house.path("search", "/run/soutu/ca.pem"),
            timeout_seconds=PATIENCE,
        ) as client:
            with times.of("upload"):
                photo_id = client.upload(_PHOTO).photo_id
            if is_embedding:
                with times.of("searchable"):
                    eventually(lambda: client.status().photos_ready == 1)
            with times.of("first search"):
                query = _QUERY if is_embedding else _PHOTO.stem
                found = eventually(lambda: client.search(query).hits)
            assert found[0].photo.photo_id == photo_id
    return times.seconds


def _host(house: ComposeHouse) -> str:
    return house.host("embedding") if "embedding" in house.services else "gpu.home"


if __name__ == "__main__":
    sys.exit(main())
