"""Fuzz with atheris: ``make fuzz [SECONDS=600] [ONLY=image|exif|requests|names]``. The last line is JSON.

Each target gets its share of the time in a process of its own. What it learns stays in ``.fuzz/corpus``, for the next one;
an input that is a finding lies in ``.fuzz/findings``: mend the fault, then keep the input under ``tests/fuzz/seeds``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TARGETS = {"image": 16_384, "exif": 4_096, "requests": 2_048, "names": 512}
"""The targets, and the most bytes of an input."""

_UNIT_SECONDS = 30
_MEMORY_MEGABYTES = 2_048
_STATISTIC = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)
_COVERED = re.compile(r"\bcov: (\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of all targets together")
    parser.add_argument("--only", choices=[*TARGETS, ""], default="", help="one target alone")
    parser.add_argument("--work", type=Path, default=ROOT / ".fuzz", help="folder of what it learns and finds")
    parser.add_argument("--target", choices=TARGETS, help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.target:
        _fuzz(options.target, rest)
    chosen = [options.only] if options.only else list(TARGETS)
    results = {target: _run(target, max(1, options.seconds // len(chosen)), options.work) for target in chosen}
    findings = sum(len(result["findings"]) for result in results.values())
    print(json.dumps({"seconds": options.seconds, "findings": findings, "targets": results}, ensure_ascii=False))  # noqa: T201
    return 1 if findings or any(result["status"] for result in results.values()) else 0


def _run(target: str, seconds: int, work: Path) -> dict[str, object]:
    corpus, findings = work / "corpus" / target, work / "findings" / target
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    log = work / f"{target}.log"
    print(f"{target}: {seconds} s; log: {log}", flush=True)  # noqa: T201
    command = [
        *(sys.executable, str(Path(__file__)), "--target", target),
        *(str(corpus), str(HERE / "seeds" / target)),
        f"-max_total_time={seconds}",
        f"-max_len={TARGETS[target]}",
        f"-timeout={_UNIT_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MEGABYTES}",
        f"-artifact_prefix={findings}/found-",
        "-print_final_stats=1",
    ]
    with log.open("w") as out:
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, check=False).returncode
    said = log.read_text(errors="replace")
    runs, covered = _STATISTIC.findall(said), _COVERED.findall(said)
    return {
        "runs": int(runs[-1]) if runs else 0,
        "covered": int(covered[-1]) if covered else 0,
        "status": status,
        "findings": sorted(str(path) for path in set(findings.iterdir()) - before),
    }


def _fuzz(target: str, arguments: list[str]) -> None:
    """Become the fuzzer of one target; does not return."""
    try:
        import atheris
    except ImportError:
        sys.exit("没有 atheris（只有 Linux x86-64 有）。 / There is no atheris: it is made for Linux on x86-64 alone.")

    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.path.insert(0, str(HERE.parent))
    with atheris.instrument_imports(include=["PIL", "soutu_services"]):
        from fuzz.targets import TARGETS as FUNCTIONS

    atheris.Setup([sys.argv[0], *arguments], FUNCTIONS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
