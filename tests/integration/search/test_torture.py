"""Kill the service while it works: a short run of what ``make torture`` does, and the proof that it would notice a loss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]
_KILLS = 4
"""``make torture`` does 200."""


def _tortured(*options: str) -> tuple[int, dict[str, int], str]:
    paths = os.pathsep.join(filter(None, (str(_TESTS), os.environ.get("PYTHONPATH", ""))))
    run = subprocess.run(
        [sys.executable, "-m", "torture", *options],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    lines = run.stdout.splitlines()
    return run.returncode, json.loads(lines[-1]) if lines else {}, run.stderr


def test_nothing_acknowledged_is_lost_or_twice_there_after_some_kills() -> None:
    status, result, said = _tortured("--kills", str(_KILLS), "--seed", "3")
    assert (status, result["kills"], result["lost"], result["duplicated"]) == (0, _KILLS, 0, 0), said
    assert result["acknowledged"] > _KILLS


@pytest.mark.parametrize("broken", ["commit", "put"])
def test_build_that_acknowledges_too_early_is_found_to_lose_what_it_acknowledged(broken: str) -> None:
    status, result, said = _tortured("--kills", "1", "--seed", "1", "--broken", broken)
    assert status == 1, said
    assert result["lost"] > 0, said
