"""What was found last, so that it can be named by its rank: ``soutu open 3``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from soutu_client._use_line import terms_as_values, terms_of_values
from soutu_client._user_folders import state_folder, write_private
from soutu_client.models import Term

__all__ = ["forget_question", "keep_hits", "last_hits", "last_question"]


def keep_hits(address: str, photo_ids: Sequence[str], *, terms: Sequence[Term] = ()) -> None:
    """Remember photos in the order of their ranks, and what was asked, if it shall be known what people do with what they find.

    Where that is not possible, nothing is: a search must not fail for it.
    """
    kept: dict[str, Any] = {"address": address, "photo_ids": list(photo_ids)}
    if terms:
        kept["terms"] = terms_as_values(terms)
    with suppress(OSError):
        write_private(_file(), json.dumps(kept), is_lasting=False)


def last_hits(address: str) -> list[str]:
    """Return the ids of what was found last in the library at this address; nothing: nothing was."""
    try:
        kept = _kept()
        return [str(photo_id) for photo_id in kept["photo_ids"]] if kept["address"] == address else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def last_question(address: str) -> tuple[Term, ...]:
    """Return what was asked there last; nothing: it is not known."""
    try:
        kept = _kept()
        return terms_of_values(kept["terms"]) if kept["address"] == address else ()
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def forget_question() -> None:
    """Forget what was asked, and remember the photos."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = _kept()
        keep_hits(kept["address"], kept["photo_ids"])


def _kept() -> Any:
    return json.loads(_file().read_text(encoding="utf-8"))


def _file() -> Path:
    return state_folder() / "last-search.json"
