"""The fuzzer's seeds, replayed without it: what was found once is never found again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fuzz.run import TARGETS as DRIVEN
from fuzz.targets import TARGETS

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds"
FILES = sorted(SEEDS.glob("*/*"))


@pytest.mark.parametrize("seed", FILES, ids=[f"{path.parent.name}-{path.name}" for path in FILES])
def test_a_seed_is_no_finding(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())


def test_every_target_is_driven_and_has_small_seeds() -> None:
    assert set(DRIVEN) == set(TARGETS) == {path.parent.name for path in FILES}
    assert all(path.stat().st_size <= DRIVEN[path.parent.name] for path in FILES)
    assert all(re.fullmatch(r"[a-z0-9-]+", path.name) for path in FILES)
