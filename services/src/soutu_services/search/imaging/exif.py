"""What a camera wrote into a picture: when, where and with what it was taken (Exif 2.32, CIPA DC-008)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from soutu_services.search.model import Location, Taken, TakenOrigin

__all__ = ["CameraFacts", "camera_facts", "camera_name", "facts_of", "tags_of", "words"]

_YEARS = range(1900, 2100)
_MAX_CAMERA_CHARACTERS = 100
_UPRIGHT = 1

_DATE_TIME = re.compile(r"\s*(\d{4})[:\-/. ](\d{2})[:\-/. ](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")
_OFFSET = re.compile(r"\s*([+-])(\d{2}):?(\d{2})\s*\Z")

_TIMES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime),
)


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What Exif says. ``orientation`` is 1 to 8, 1 being upright."""

    orientation: int = _UPRIGHT
    taken: Taken | None = None
    camera: str = ""
    location: Location | None = None


def camera_facts(picture: Image.Image) -> CameraFacts:
    """Read a picture's Exif; what is damaged or impossible counts as not said."""
    return facts_of(*tags_of(picture.getexif))


def tags_of(read: Callable[[], Image.Exif]) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """Read the tags of Exif, and those of its place; none where they cannot be read."""
    try:
        exif = read()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}, exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # noqa: BLE001 - hostile bytes raise anything, and a picture without facts is still a picture
        return {}, {}


def facts_of(tags: Mapping[int, Any], gps: Mapping[int, Any]) -> CameraFacts:
    """Take the facts from the tags of Exif and those of its place."""
    orientation = tags.get(ExifTags.Base.Orientation)
    return CameraFacts(
        orientation=orientation if isinstance(orientation, int) and orientation in range(1, 9) else _UPRIGHT,
        taken=_taken(tags),
        camera=camera_name(words(tags.get(ExifTags.Base.Make)), words(tags.get(ExifTags.Base.Model))),
        location=_location(gps),
    )


def _taken(tags: Mapping[int, Any]) -> Taken | None:
    for time_tag, offset_tag in _TIMES:
        moment = _moment(words(tags.get(time_tag)))
        if moment is not None:
            return Taken(moment, _offset_minutes(words(tags.get(offset_tag))), TakenOrigin.EXIF)
    return None


def _moment(text: str) -> datetime | None:
    found = _DATE_TIME.match(text)
    if found is None:
        return None
    try:
        moment = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    is_unset_clock = moment == datetime(1970, 1, 1)
    return moment if moment.year in _YEARS and not is_unset_clock else None


def _offset_minutes(text: str) -> int | None:
    found = _OFFSET.match(text)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    if int(found[3]) > 59 or minutes > 14 * 60:
        return None
    return -minutes if found[1] == "-" else minutes


def words(value: object) -> str:
    """Text of a tag without what ends or pads it, or cannot be shown."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in value.split("\0", 1)[0]).split())


def camera_name(maker: str, model: str) -> str:
    """Join maker and model, the maker once: "Canon" and "Canon EOS 5D" are a "Canon EOS 5D"."""
    if maker and model:
        said_already = maker.split(maxsplit=1)[0].casefold() in model.casefold().split()
        camera = model if said_already else f"{maker} {model}"
    else:
        camera = maker or model
    return camera[:_MAX_CAMERA_CHARACTERS]


def _location(gps: Mapping[int, Any]) -> Location | None:
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "N", "S", 90.0)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "E", "W", 180.0)
    if latitude is None or longitude is None or (latitude == 0.0 and longitude == 0.0):  # zero is what an unset receiver writes
        return None
    return Location(latitude, longitude)


def _degrees(parts: object, reference: object, positive: str, negative: str, limit: float) -> float | None:
    """Turn degrees, minutes and seconds with their hemisphere into decimal degrees."""
    hemisphere = words(reference).upper()[:1]
    if hemisphere not in (positive, negative):
        return None
    try:
        values = [float(part) for part in parts]  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if not 1 <= len(values) <= 3 or not all(math.isfinite(value) and value >= 0 for value in values):
        return None
    if any(value >= 60.5 for value in values[1:]):
        return None
    degrees: float = sum(value / 60.0**place for place, value in enumerate(values))
    if degrees > limit:
        return None
    return round(-degrees if hemisphere == negative else degrees, 7)
