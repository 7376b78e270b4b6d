"""Run the real house under a mixed load for long, and watch its memory.

``make soak MINUTES=20`` calls it: a library that is thrown away is filled, memory is noted idle and after that, and then several
clients search, upload, delete, bring back, purge, sync, annotate, back up and check for so many minutes. OUT gets ``soak.json``
and ``soak.png``, the memory of each service over time. The last line of the output is JSON. The exit status is 1 if anything went
wrong that should not have.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.memory_plot import plot_memory
from bench.process_memory import GROUPS, Sample, sample_memory
from bench.soak_load import Load
from bench.soak_pictures import Pictures, pictures_in
from bench.throwaway_house import ThrowawayHouse, throwaway_house
from soutu_client import Client
from soutu_services.home.problem import HomeProblem
from soutu_services.runtime.language import language_of_environment

__all__ = ["main"]

_SAMPLE_SECONDS = 2.0
_SETTLE_SECONDS = 10.0
_BATCH = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak and report; return the exit status."""
    parser = argparse.ArgumentParser(description="The whole house under a mixed load, and its memory.")
    parser.add_argument("--minutes", type=float, default=20, help="how long the load lasts")
    parser.add_argument("--fill", type=int, default=10_000, help="photos that are there before it begins")
    parser.add_argument("--photos", default="", help="folder of pictures to cut the load's from; empty: made up ones")
    parser.add_argument("--workers", type=int, default=4, help="clients at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=".soak", help="folder for soak.json and soak.png")
    given = parser.parse_args(arguments)
    try:
        with throwaway_house() as house:
            soak = _Soak(house, given)
            soak.run()
    except HomeProblem as problem:
        sys.stderr.write(problem.text.to(language_of_environment(os.environ)) + "\n")
        return 1
    return 1 if soak.write(Path(given.out)) else 0


class _Soak:
    def __init__(self, house: ThrowawayHouse, given: argparse.Namespace) -> None:
        self._house = house
        self._given = given
        self._samples: list[Sample] = []
        self._marks: list[tuple[float, str]] = []
        self._report: dict[str, object] = {"minutes": given.minutes, "workers": given.workers, "seed": given.seed}
        self._errors: dict[str, int] = {}
        self._soaked_from = 0.0

    def run(self) -> None:
        """Idle, fill, load, idle again."""
        given = self._given
        with Client(self._house.address, timeout_seconds=120, language="en") as client:
            client.status()
            self._watch(_SETTLE_SECONDS)
            self._note("idle")
            self._mark(f"{given.fill} photos")
            began = time.monotonic()
            self._meanwhile(lambda: self._fill(client))
            self._report["fill_seconds"] = round(time.monotonic() - began, 1)
            self._watch(_SETTLE_SECONDS)
            self._report["filled_photos"] = client.status().photos_ready
            self._note("after_fill")
            self._mark("load")
            self._soaked_from = time.monotonic()
            load = Load(self._house.address, self._house.inbox, self._pictures(), workers=given.workers, seed=given.seed)
            load.start()
            try:
                self._watch(given.minutes * 60)
            finally:
                self._meanwhile(load.stop)
            self._mark("rest")
            self._watch(_SETTLE_SECONDS)
            self._meanwhile(lambda: self._settle(client))
            self._note("after_load")
            status = client.status()
        self._errors = dict(load.errors)
        self._report |= {
            "photos_ready": status.photos_ready,
            "photos_pending": status.photos_pending,
            "photos_unreadable": status.photos_unreadable,
            "operations": dict(sorted(load.done.items())),
            "crossed": sum(load.races.values()),
            "errors": self._errors,
            "milliseconds": {name: _quantiles(seconds) for name, seconds in sorted(load.seconds.items())},
            "mib_an_hour": self._growth(),
        }

    def write(self, folder: Path) -> int:
        """Write the report and the curve, print the figures, and return how many errors there were."""
        folder.mkdir(parents=True, exist_ok=True)
        began = self._samples[0].seconds
        curve = [
            {
                "seconds": round(one.seconds - began, 1),
                **one.mib,
                "anonymous": one.anonymous_mib,
                "decoders_count": one.decoders,
            }
            for one in self._samples
        ]
        (folder / "soak.json").write_text(json.dumps({**self._report, "samples": curve}, ensure_ascii=False, indent=1) + "\n")
        plot_memory(self._samples, self._marks, folder / "soak.png")
        for when in ("idle", "after_fill", "after_load"):
            sys.stderr.write(f"{when}: {self._report[f'{when}_mib']}, anonymous: {self._report[f'{when}_anonymous_mib']}\n")
        sys.stdout.write(json.dumps(self._report, ensure_ascii=False) + "\n")
        return sum(self._errors.values())

    def _pictures(self, seed: int = 0) -> Pictures:
        folder = self._given.photos
        return Pictures(pictures_in(Path(folder)) if folder else [], self._given.seed + seed)

    def _fill(self, client: Client) -> None:
        """Add made up pictures through the SDK, some hundred at a time, and wait until all are embedded."""
        pictures = Pictures([], self._given.seed + 1_000_000)
        ids: list[str] = []
        for start in range(0, self._given.fill, _BATCH):
            with tempfile.TemporaryDirectory(prefix="soutu-fill-") as folder, ThreadPoolExecutor(2) as pool:
                count = min(_BATCH, self._given.fill - start)
                paths = [Path(folder) / f"{start + number:06}.jpg" for number in range(count)]
                for path, data in zip(paths, pool.map(lambda _: pictures.new(), paths), strict=True):
                    path.write_bytes(data)
                result = client.add(paths)
                ids += [file.photo_id for file in result.added]
        if len(ids) != self._given.fill:
            raise HomeProblem(zh=f"只加进了 {len(ids)} 张", en=f"only {len(ids)} photos could be added")
        self._settle(client)

    def _settle(self, client: Client) -> None:
        give_up_at = time.monotonic() + 3600
        while client.status().photos_pending:
            if time.monotonic() > give_up_at:
                raise HomeProblem(zh="照片等了一小时还没有处理完", en="photos have been waiting for an hour")
            time.sleep(1)

    def _watch(self, seconds: float) -> None:
        """Sample the memory, and look after the house, for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._sample()
            time.sleep(min(_SAMPLE_SECONDS, max(0.0, until - time.monotonic())))

    def _meanwhile(self, work: Callable[[], None]) -> None:
        """Do something while the memory is watched."""
        ended = threading.Event()
        failures: list[Exception] = []

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised below, on the thread that waits
                failures.append(error)
            ended.set()

        thread = threading.Thread(target=run, name="soak-work")
        thread.start()
        while not ended.wait(_SAMPLE_SECONDS):
            self._sample()
        thread.join()
        if failures:
            raise failures[0]

    def _sample(self) -> None:
        self._house.tick()
        self._samples.append(sample_memory())

    def _mark(self, what: str) -> None:
        self._marks.append((time.monotonic(), what))

    def _note(self, when: str) -> None:
        """Note the memory as it is now: the median of the last samples."""
        last = self._samples[-3:]
        self._report[f"{when}_mib"] = {group: statistics.median(one.mib[group] for one in last) for group in GROUPS}
        anonymous = {group: statistics.median(one.anonymous_mib[group] for one in last) for group in GROUPS}
        self._report[f"{when}_anonymous_mib"] = anonymous

    def _growth(self) -> dict[str, float]:
        """Tell by how much each group grew an hour, by least squares over the second half of the load."""
        half = [one for one in self._samples if one.seconds > self._soaked_from]
        half = half[len(half) // 2 :]
        if len(half) < 3:
            return {}
        hours = np.array([one.seconds for one in half]) / 3600
        return {group: round(float(np.polyfit(hours, [one.mib[group] for one in half], 1)[0]), 1) for group in GROUPS}


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = np.quantile(seconds, [0.5, 0.95, 0.99]) * 1000
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1)}


if __name__ == "__main__":
    sys.exit(main())
