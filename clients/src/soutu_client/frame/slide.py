"""A photo as the frame knows it: what is drawn beside it, small enough to be kept on the disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Self

from soutu_client._language import Language
from soutu_client.models import Photo, TakenOrigin

__all__ = ["Slide", "is_photo_id", "is_picture_name"]

_MOST = 200
"""Characters of a line; the screen is not wider."""
_MOST_DIGITS = 12


@dataclass(frozen=True)
class Slide:
    """A photo.

    Attributes:
        photo_id: 32 hex digits.
        caption: What people wrote about it.
        taken: Local date and time, ISO 8601; empty: not known but for the file's own time.
        place: Its album, else its folder.
        latitude: Degrees north; None: not known.
        longitude: Degrees east.
        favourite: Whether it is one.
        frame_ms: Of a video that was found by its words, the time of the frame that fits them best; None: what stands for it.
    """

    photo_id: str
    caption: str = ""
    taken: str = ""
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    favourite: bool = False
    frame_ms: int | None = None

    @classmethod
    def of(cls, photo: Photo, frame_ms: int | None = None) -> Self:
        """Return a photo's."""
        folder = PurePosixPath(photo.name).parent.name
        album = photo.annotations.albums[0] if photo.annotations.albums else ""
        is_known = photo.taken is not None and photo.taken.origin is not TakenOrigin.MODIFIED  # a copy's day is nobody's memory
        return cls(
            photo_id=photo.photo_id,
            caption=" ".join(photo.annotations.caption.split())[:_MOST],
            taken=photo.taken.local_time.isoformat(timespec="minutes") if is_known and photo.taken else "",
            place=(album or folder)[:_MOST],
            latitude=photo.location.latitude if photo.location else None,
            longitude=photo.location.longitude if photo.location else None,
            favourite=photo.annotations.favourite,
            frame_ms=frame_ms,
        )

    @property
    def picture_name(self) -> str:
        """What its picture is kept under: a video has one for each frame that was asked for."""
        return self.photo_id if self.frame_ms is None else f"{self.photo_id}-{self.frame_ms}"

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Return what ``to_json`` kept.

        Raises:
            ValueError: It is something else.
        """
        number = (float, type(None))
        kinds: dict[str, tuple[type, ...]] = {"latitude": number, "longitude": number, "favourite": (bool,)}
        kinds["frame_ms"] = (int, type(None))
        if not isinstance(values, dict) or set(values) != {each.name for each in fields(cls)}:
            raise ValueError("not a slide")
        for name, value in values.items():
            if not isinstance(value, kinds.get(name, (str,))):
                raise ValueError("not a slide")
        slide = cls(**values)
        if not (is_photo_id(slide.photo_id) and is_picture_name(slide.picture_name)):
            raise ValueError("not a slide")
        return slide

    def to_json(self) -> dict[str, Any]:
        """Return its values."""
        return asdict(self)

    def date_line(self, language: Language) -> str:
        """Return the day it was taken, for people."""
        try:
            day = datetime.fromisoformat(self.taken)
        except ValueError:
            return ""
        if language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def place_line(self) -> str:
        """Return where it was taken: what people call it, and where that is on Earth."""
        where = ""
        if self.latitude is not None and self.longitude is not None:
            north, east = "N" if self.latitude >= 0 else "S", "E" if self.longitude >= 0 else "W"
            where = f"{abs(self.latitude):.2f}°{north} {abs(self.longitude):.2f}°{east}"
        return " · ".join(filter(None, (self.place, where)))


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def is_photo_id(text: str) -> bool:
    """Whether a text is a photo's id, and so a safe name of a file."""
    return len(text) == 32 and all(each in "0123456789abcdef" for each in text)


def is_picture_name(text: str) -> bool:
    """Whether a text names a picture as ``Slide.picture_name`` does, and so is a safe name of a file."""
    photo_id, dash, frame_ms = text.partition("-")
    return is_photo_id(photo_id) and (not dash or (frame_ms.isascii() and frame_ms.isdecimal() and len(frame_ms) <= _MOST_DIGITS))
