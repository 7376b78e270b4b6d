"""Run ``soutu-frame`` on a real house, and measure its memory and processor time.

``make bench ONLY=frame PHOTOS=folder`` calls it: some of the folder's pictures are made as large as a camera's (12 megapixels)
and added to a library that is thrown away; the frame shows them at 1920x1080 with SDL's dummy driver. Measured are a stretch at
its usual pace, a few hundred changes as fast as they go, and, on one processor with 512 MB of address space, the frame and a
search at the command line. OUT gets ``frame.json``; the last line of the output is the same JSON. The exit status is 1 where it
takes more than the design allows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench.process_memory import memory_of
from bench.throwaway_house import throwaway_house
from soutu_client import Client
from soutu_services.home.problem import HomeProblem

__all__ = ["main"]

_MEGAPIXELS = 12e6
_MOST_MIB, _MOST_SHARE, _MOST_GROWTH_MIB = 150.0, 0.05, 3.0
_ADDRESS_SPACE = 512 << 20
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="The photo frame's memory and processor time.")
    parser.add_argument("--photos", default=os.environ.get("PHOTOS") or "deploy/samples", help="folder of pictures")
    parser.add_argument("--some", type=int, default=60, help="pictures of it")
    parser.add_argument("--seconds", type=float, default=120, help="at the usual pace: a picture every 20 seconds")
    parser.add_argument("--changes", type=int, default=400, help="as fast as they go")
    parser.add_argument("--out", default=".bench", help="folder for frame.json")
    given = parser.parse_args(arguments)
    try:
        with throwaway_house() as house, tempfile.TemporaryDirectory(prefix="soutu-bench-") as folder:
            fill(house.address, Path(given.photos), Path(folder), given.some)
            report = {
                "photos": given.some,
                "usual": usual(house.address, given.seconds),
                "fast": fast(house.address, given.changes),
                "small_machine": small_machine(house.address),
            }
    except HomeProblem as problem:
        sys.stderr.write(problem.text.en + "\n")
        return 1
    report["problems"] = problems(report)
    Path(given.out).mkdir(parents=True, exist_ok=True)
    (Path(given.out) / "frame.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stderr.write(json.dumps(report, indent=1) + "\n")
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if report["problems"] else 0


def fill(address: str, photos: Path, folder: Path, count: int) -> None:
    """Add pictures of a camera's size."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))[:count]
    for number, path in enumerate(found):
        with Image.open(path) as picture:
            grow = (_MEGAPIXELS / (picture.width * picture.height)) ** 0.5
            large = picture.convert("RGB").resize((round(picture.width * grow), round(picture.height * grow)))
        large.save(folder / f"IMG_2019{1 + number % 12:02}{1 + number % 28:02}_120000_{number}.jpg", quality=85)
    with Client(address) as client:
        added = client.add(folder)
        client.wait_until_ready(photo.photo_id for photo in added.added)


@dataclass
class RunningFrame:
    """A frame as a process. ``shown`` holds when each picture appeared, on the monotonic clock."""

    process: subprocess.Popen[str]
    shown: list[float]

    @property
    def mib(self) -> tuple[float, float]:
        """Proportional and resident set size."""
        told = memory_of(self.process.pid)
        return round(told["Pss"] / 1024, 1), round(told["Rss"] / 1024, 1)

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        values = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / _TICKS

    def wait_for(self, pictures: int) -> None:
        """Wait until so many have been shown."""
        limit = time.monotonic() + _START_SECONDS + pictures
        while len(self.shown) < pictures:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise HomeProblem(zh="相框没有运行起来", en="the frame does not run")
            time.sleep(0.05)


@contextmanager
def frame(address: str, *, is_small: bool = False, **settings: str) -> Iterator[RunningFrame]:
    """Run a frame until the block ends."""
    with tempfile.TemporaryDirectory(prefix="soutu-bench-") as folder:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        given = {
            "SDL_VIDEODRIVER": "dummy",
            "SOUTU_FRAME_ADDRESS": address,
            "SOUTU_FRAME_SIZE": "1920x1080",
            "SOUTU_FRAME_QUERIES": "随机",
            "SOUTU_FRAME_LISTEN": "127.0.0.1:0",
            "SOUTU_FRAME_CACHE_FOLDER": folder,
            "SOUTU_FRAME_LOG_LEVEL": "debug",
        }
        process = subprocess.Popen(
            [*(confined() if is_small else ()), sys.executable, "-m", "soutu_client.frame"],
            env={**clean, **given, **{f"SOUTU_FRAME_{name.upper()}": value for name, value in settings.items()}},
            stderr=subprocess.PIPE,
            text=True,
        )
        running = RunningFrame(process, [])
        reader = threading.Thread(target=note, args=(running,), daemon=True)
        reader.start()
        try:
            yield running
        finally:
            process.terminate()
            process.wait(20)
            reader.join(20)


def note(running: RunningFrame) -> None:
    """Note when pictures appear; hand on what else is said."""
    assert running.process.stderr is not None
    for line in running.process.stderr:
        if line.startswith("shown "):
            running.shown.append(time.monotonic())
        else:
            sys.stderr.write(f"frame: {line}")


def confined() -> tuple[str, ...]:
    """Return a command that gives another one processor and 512 MB of address space (util-linux)."""
    return "prlimit", f"--as={_ADDRESS_SPACE}", "taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))


def usual(address: str, seconds: float) -> dict[str, Any]:
    """Show pictures at the usual pace."""
    with frame(address) as running:
        running.wait_for(1)
        time.sleep(15)  # what comes next is fetched ahead
        samples: list[tuple[float, float, float]] = []
        memory = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            samples.append((time.monotonic(), running.cpu_seconds, len(running.shown)))
            memory.append(running.mib)
            time.sleep(1)
        steps = [
            (two[0] - one[0], two[1] - one[1])
            for one, two in itertools.pairwise(samples)
            if all(not one[0] - 3 < each < two[0] for each in running.shown)
        ]
        changes = samples[-1][2] - samples[0][2]
        whole = samples[-1][1] - samples[0][1]
        share = sum(spent for _, spent in steps) / sum(seconds for seconds, _ in steps)
        span = samples[-1][0] - samples[0][0]
        return {
            "seconds": round(span, 1),
            "changes": changes,
            "pss_mib": statistics.median(pss for pss, _ in memory),
            "pss_mib_most": max(pss for pss, _ in memory),
            "rss_mib_most": max(rss for _, rss in memory),
            "cpu_seconds": round(whole, 2),
            "core_share": round(whole / span, 4),
            "core_share_between_pictures": round(share, 4),
            "cpu_seconds_a_change": round((whole - share * span) / max(changes, 1), 2),
        }


def fast(address: str, changes: int) -> dict[str, Any]:
    """Show pictures as fast as they go, and look whether memory grows."""
    with frame(address, interval_seconds="0.1", fade_seconds="0.1") as running:
        at: dict[str, float] = {}
        for count in range(changes // 4, changes + 1, changes // 4):
            running.wait_for(count)
            at[str(count)] = min(slowly(running))  # between two pictures: those in the making would drown what stays
        first, *_, last = at.values()
        return {"pss_mib_at": at, "growth_mib": round(last - first, 1)}


def slowly(running: RunningFrame) -> Iterator[float]:
    """Yield its proportional set size for two seconds."""
    for _ in range(20):
        time.sleep(0.1)
        yield running.mib[0]


def small_machine(address: str) -> dict[str, Any]:
    """Run the frame and a search on one processor with 512 MB of address space."""
    with frame(address, is_small=True, interval_seconds="1") as running:
        begin = time.monotonic()
        running.wait_for(5)
        told = {"frame_pss_mib": running.mib[0], "frame_seconds_to_5_pictures": round(time.monotonic() - begin, 1)}
    soutu = Path(sysconfig.get_path("scripts")) / "soutu"
    begin = time.monotonic()
    found = subprocess.run(
        [*confined(), soutu, "search", "海边", "--limit", "5", "--json", "--address", address],
        check=False,
        capture_output=True,
        text=True,
    )
    hits = len(json.loads(found.stdout)["hits"]) if found.returncode == 0 else 0
    return {**told, "search_exit": found.returncode, "search_hits": hits, "search_seconds": round(time.monotonic() - begin, 1)}


def problems(report: dict[str, Any]) -> list[str]:
    """Say what takes more than it may."""
    usual, fast, small = report["usual"], report["fast"], report["small_machine"]
    found = []
    if max(usual["pss_mib_most"], *fast["pss_mib_at"].values()) > _MOST_MIB or usual["rss_mib_most"] > _MOST_MIB:
        found.append(f"more than {_MOST_MIB:g} MiB")
    if usual["core_share_between_pictures"] > _MOST_SHARE:
        found.append(f"more than {_MOST_SHARE:.0%} of a core between pictures")
    if fast["growth_mib"] > _MOST_GROWTH_MIB:
        found.append("memory grows")
    if small["search_exit"] or not small["search_hits"]:
        found.append("no search on a small machine")
    return found


if __name__ == "__main__":
    sys.exit(main())
