"""The record of use that the clients keep (``soutu feedback``): lines of JSON, each of what somebody did with what was found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from soutu_services.tuning.flaws import Flaw, Flaws

__all__ = ["Deed", "Use", "read_uses"]

_PHOTO_DIGITS = 32


class Deed(Enum):
    """What was done with a photo."""

    OPEN = "open"
    DOWNLOAD = "download"
    FAVOURITE = "favourite"
    NOT_THIS = "not_this"
    TAKE_BACK = "take_back"
    """``NOT_THIS`` was a mistake."""


@dataclass(frozen=True, slots=True)
class Use:
    """A deed.

    Attributes:
        did: What was done.
        query: The words that were looked for.
        photo_id: The photo.
        rank: Where it stood in the answer, from 1.
        who: Tells persons apart.
        at: When.
    """

    did: Deed
    query: str
    photo_id: str
    rank: int
    who: str
    at: datetime


def read_uses(files: Sequence[Path], flaws: Flaws) -> list[Use]:
    """Read records, the oldest deed first.

    Only what was looked for by words, and by nothing else that is wanted, tells of a text and a photo: a person who shows a
    picture too means something by it that is not in the words. What is not wanted beside the words does no harm.

    Args:
        files: The records; of one person, or of several machines.
        flaws: Takes the lines that cannot be read, and those that no words tell of.

    Raises:
        OSError: a file cannot be read.
    """
    return sorted((use for file in files for use in _uses(file, flaws)), key=lambda use: use.at)


def _uses(file: Path, flaws: Flaws) -> Iterator[Use]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                use = _use(json.loads(line), file)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                flaws.note(Flaw.BROKEN_ROW, f"{file.name}:{number}")
                continue
            if use.query:
                yield use
            else:
                flaws.note(Flaw.USE_WITHOUT_WORDS, f"{file.name}:{number}")


def _use(values: Any, file: Path) -> Use:
    photo_id, rank, at = values["photo_id"], values["rank"], datetime.fromisoformat(values["at"])
    if len(photo_id) != _PHOTO_DIGITS or type(rank) is not int or rank < 1 or at.tzinfo is None:
        raise ValueError(photo_id)
    # Whoever uses a computer of their own has no name there: the file tells them apart from others.
    return Use(Deed(values["did"]), _query(values["terms"]), photo_id, rank, str(values["who"]) or str(file.resolve()), at)


def _query(terms: Sequence[Any]) -> str:
    wanted = [term for term in terms if float(term.get("weight", 1)) > 0]
    return " ".join(str(wanted[0]["text"]).split()) if len(wanted) == 1 and "text" in wanted[0] else ""
