"""When the service is killed: in each kind of its work at least once, then as chance has it."""

from __future__ import annotations

import random

__all__ = ["ANY", "KINDS", "plan"]

KINDS = ("start", "upload", "ingest", "sync", "delete", "undelete", "purge", "reindex", "check", "snapshot")
"""What it is killed in: before it is ready, in a call that is not answered, in a job, or with a snapshot half written."""
ANY = "any"
"""At any moment."""


def plan(kills: int, chance: random.Random) -> list[str]:
    """Say for each kill what the service should be at: every kind in the first kills, and any moment as often as all kinds."""
    first = list(KINDS)
    chance.shuffle(first)
    rest = [chance.choice((*KINDS, *(ANY for _ in KINDS))) for _ in range(kills - len(first))]
    return [*first, *rest][:kills]
