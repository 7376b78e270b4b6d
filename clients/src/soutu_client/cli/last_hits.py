"""What was found last, so that it can be named by its rank: ``soutu open 3``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from soutu_client._user_folders import state_folder, write_private

__all__ = ["keep_hits", "last_hits"]


def keep_hits(address: str, photo_ids: Sequence[str]) -> None:
    """Remember photos in the order of their ranks. Where that is not possible, nothing is: a search must not fail for it."""
    with suppress(OSError):
        write_private(_file(), json.dumps({"address": address, "photo_ids": list(photo_ids)}), is_lasting=False)


def last_hits(address: str) -> list[str]:
    """Return the ids of what was found last in the library at this address; nothing: nothing was."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
        return [str(photo_id) for photo_id in kept["photo_ids"]] if kept["address"] == address else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _file() -> Path:
    return state_folder() / "last-search.json"
