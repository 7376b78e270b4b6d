"""What another program knew of a photo, made fit for the library."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from soutu_client.models import Location

__all__ = ["Facts", "home_time", "place"]

_MAX_CAPTION_CHARACTERS = 2000
_MAX_LABEL_CHARACTERS = 100
_MAX_LABELS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What is told of a photo.

    Attributes:
        taken: When it was taken, on the clock of the place; None: not told.
        is_corrected: Whether a person had corrected that.
        location: Where it was taken.
        is_favourite: Whether it is a favourite.
        caption: What was written about it.
        tags: Tags, and people in it.
        albums: Albums that it is in.
    """

    taken: datetime | None = None
    is_corrected: bool = False
    location: Location | None = None
    is_favourite: bool = False
    caption: str = ""
    tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is told."""
        return self == Facts()

    def and_(self, other: Facts) -> Facts:
        """Return what both tell; where they differ, this."""
        return Facts(
            taken=self.taken or other.taken,
            is_corrected=self.is_corrected if self.taken else other.is_corrected,
            location=self.location or other.location,
            is_favourite=self.is_favourite or other.is_favourite,
            caption=self.caption or other.caption,
            tags=tuple(dict.fromkeys((*self.tags, *other.tags))),
            albums=tuple(dict.fromkeys((*self.albums, *other.albums))),
        )

    def in_album(self, album: str) -> Facts:
        """Return the same of a photo that is in this album too."""
        return replace(self, albums=(*self.albums, album)) if album.strip() else self

    def fitting(self) -> Facts:
        """Return this as the library takes it: nothing too long, no control characters, no empty label."""
        caption = "".join(char for char in self.caption if char in "\n\t" or not _is_control(char)).strip()
        return replace(
            self,
            caption=unicodedata.normalize("NFC", caption)[:_MAX_CAPTION_CHARACTERS].strip(),
            tags=_labels(self.tags),
            albums=_labels(self.albums),
        )


def home_time(seconds: float) -> datetime | None:
    """Tell what the clock of this machine showed so many seconds after 1970 (UTC); None: no calendar holds that."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).astimezone().replace(tzinfo=None, microsecond=0)
    except (OverflowError, ValueError, OSError):
        return None


def place(latitude: object, longitude: object) -> Location | None:
    """Return a place on Earth; None for anything else, and for 0, 0, which is how programs write that they know none."""
    try:
        north, east = float(latitude), float(longitude)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    if not (math.isfinite(north) and math.isfinite(east)) or abs(north) > 90 or abs(east) > 180 or (north == 0 and east == 0):
        return None
    return Location(latitude=round(north, 7), longitude=round(east, 7))


def _labels(labels: Iterable[str]) -> tuple[str, ...]:
    clean = (unicodedata.normalize("NFC", "".join(char for char in label if not _is_control(char)).strip()) for label in labels)
    cut = (label[:_MAX_LABEL_CHARACTERS].strip() for label in clean)
    return tuple(dict.fromkeys(label for label in cut if label))[:_MAX_LABELS]


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs"}
