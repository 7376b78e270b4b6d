"""A deed as a line of JSON (JSON Lines), for people and programs to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from soutu_client.feedback_models import Deed, Use
from soutu_client.models import ImageTerm, PhotoTerm, Term, TextTerm

__all__ = ["line_of", "terms_as_values", "terms_of_values", "use_of"]


def line_of(use: Use) -> bytes:
    """Return the line, with its end."""
    values = {
        "at": (use.at or datetime.now(UTC)).isoformat(timespec="seconds"),
        "did": use.did.value,
        "who": use.who,
        "terms": terms_as_values(use.terms),
        "photo_id": use.photo_id,
        "rank": use.rank,
    }
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def use_of(line: bytes) -> Use:
    """Read a line.

    Raises:
        ValueError: It is none.
    """
    try:
        values = json.loads(line)
        use = Use(
            Deed(values["did"]),
            terms_of_values(values["terms"]),
            values["photo_id"],
            values["rank"],
            values["who"],
            datetime.fromisoformat(values["at"]),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    is_whole = isinstance(use.photo_id, str) and isinstance(use.who, str) and type(use.rank) is int and use.rank > 0
    if not is_whole or use.at is None or use.at.tzinfo is None:
        raise ValueError("not a deed")
    return use


def terms_as_values(terms: Sequence[Term]) -> list[dict[str, Any]]:
    """Return terms as JSON has them; of a picture no more than that there was one."""
    return [_value_of(term) | ({} if term.weight == 1 else {"weight": term.weight}) for term in terms]


def terms_of_values(values: Sequence[dict[str, Any]]) -> tuple[Term, ...]:
    """Return what ``terms_as_values`` was given, pictures empty.

    Raises:
        ValueError: They are none.
        TypeError: The same.
        KeyError: The same.
    """
    return tuple(map(_term_of, values))


def _value_of(term: Term) -> dict[str, Any]:
    match term:
        case TextTerm():
            return {"text": term.text}
        case PhotoTerm():
            return {"photo_id": term.photo_id}
        case ImageTerm():
            return {"picture": True}


def _term_of(value: dict[str, Any]) -> Term:
    weight = float(value.get("weight", 1.0)) if isinstance(value, dict) else 1.0
    if "text" in value:
        return TextTerm(str(value["text"]), weight)
    return ImageTerm(b"", weight) if "picture" in value else PhotoTerm(str(value["photo_id"]), weight)
