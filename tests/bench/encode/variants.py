"""The ways to run the towers, in turn: speed against torch in fp32 padded to 52 tokens, and drift from it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench.encode.variant import VARIANTS
from soutu_services.embedding.chinese_clip.probe import largest_drift

__all__ = ["BASELINE", "WORKS", "variants"]

BASELINE = VARIANTS[0]
WORKS = ("text 1", "text 32", "image 1", "image 4")


class _Process:
    """A variant in its process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "bench.encode.variant", name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, line: str) -> Any:
        """Do something, and return the answer; None: the process has ended."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        if line:
            self.popen.stdin.write(f"{line}\n")
            self.popen.stdin.flush()
        answer = self.popen.stdout.readline()
        return json.loads(answer) if answer else None

    def end(self) -> None:
        """End the process."""
        self.popen.kill()
        self.popen.communicate()


def variants(model: Path, folder: Path, seconds: float, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure all that can run here."""
    with ExitStack() as stack:
        started = {name: _Process(name, model) for name in VARIANTS}
        for process in started.values():
            stack.callback(process.end)
        processes = {name: process for name, process in started.items() if process.ask("") is not None}
        say(f"variants: {', '.join(processes)}")
        drifts = {}
        for name, process in processes.items():
            path = folder / f"{name.replace(' ', '-').replace(',', '')}.npz"
            process.ask(f"drift {path}")
            drifts[name] = dict(np.load(path))
        times: dict[str, dict[str, list[float]]] = {name: {work: [] for work in WORKS} for name in processes}
        cpu: dict[str, dict[str, list[float]]] = {name: {work: [] for work in WORKS} for name in processes}
        for work in WORKS:
            say(f"variants: {work}")
            until = time.monotonic() + seconds / len(WORKS)
            while time.monotonic() < until or not times[BASELINE][work]:
                for name, process in processes.items():
                    told = process.ask(work)
                    times[name][work].append(told["seconds"])
                    cpu[name][work].append(told["cpu_seconds"])
    return [
        {
            "variant": name,
            "drift_text": _drift(drifts[BASELINE]["texts"], drifts[name]["texts"]),
            "drift_text_together": _drift(drifts[BASELINE]["together"], drifts[name]["together"]),
            "drift_image": _drift(drifts[BASELINE]["images"], drifts[name]["images"]),
            "text_mib": _mib(model, name, "text"),
            "image_mib": _mib(model, name, "image"),
            **{work: _against(times[BASELINE][work], times[name][work]) for work in WORKS},
            "cpu": {work: _against(cpu[BASELINE][work], cpu[name][work]) for work in WORKS},
        }
        for name in processes
    ]


def _drift(reference: Any, variant: Any) -> float:
    return float(f"{largest_drift(reference, variant):.2g}")


def _against(baseline: list[float], times: list[float]) -> dict[str, float]:
    return {
        "ms": round(1000 * statistics.median(times), 2),
        "faster": round(statistics.median(before / after for before, after in zip(baseline, times, strict=True)), 2),
    }


def _mib(model: Path, name: str, tower: str) -> float | None:
    runner, _, precision = name.partition(" ")
    if runner == "torch":
        return None
    path = model / ("fp32" if precision == "bf16" else precision) / f"{tower}.onnx"
    return round(path.stat().st_size / (1 << 20), 1)
