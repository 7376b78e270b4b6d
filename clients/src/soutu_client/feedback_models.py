"""What a person did with photos that a search found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from soutu_client.access_models import Access, Scope
from soutu_client.models import Term

__all__ = ["Deed", "FeedbackRecord", "FeedbackStatus", "Use", "is_guest"]


class Deed(Enum):
    """What was done with a photo that was found."""

    OPEN = "open"
    """Looked at, large."""
    DOWNLOAD = "download"
    FAVOURITE = "favourite"
    NOT_THIS = "not_this"
    """Said not to be what was looked for."""
    TAKE_BACK = "take_back"
    """``NOT_THIS`` was a mistake."""


@dataclass(frozen=True)
class Use:
    """One deed.

    Attributes:
        did: What was done.
        terms: What had been asked. Of a picture it is kept that there was one, and nothing of it.
        photo_id: The photo.
        rank: Where it stood among what was found, from 1.
        who: Tells persons apart without naming them; empty: whoever uses this computer.
        at: When, in UTC; None until it is recorded.
    """

    did: Deed
    terms: tuple[Term, ...]
    photo_id: str
    rank: int
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class FeedbackRecord:
    """What is kept, the oldest first, and how many lines could not be read."""

    uses: tuple[Use, ...]
    broken_lines: int


@dataclass(frozen=True)
class FeedbackStatus:
    """How the record is.

    Attributes:
        is_on: Whether deeds are recorded.
        path: The file.
        uses: Deeds that are kept.
        broken_lines: Lines that cannot be read.
        size_bytes: Of the file.
        since: The oldest deed; None: there is none.
    """

    is_on: bool
    path: Path
    uses: int
    broken_lines: int
    size_bytes: int
    since: datetime | None


def is_guest(access: Access) -> bool:
    """Whether whoever has this access is a guest of the house: read-only, confined to folders, or of a scope unknown here."""
    return access.scope not in (Scope.WRITE, Scope.ADMIN) or bool(access.folders)
