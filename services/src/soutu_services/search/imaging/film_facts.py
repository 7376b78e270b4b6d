"""What a camera wrote into a video: when, where and with what it was taken."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from soutu_services.search.imaging.exif import CameraFacts, camera_name, words
from soutu_services.search.imaging.name_time import local_time, time_in_name
from soutu_services.search.model import Location, Taken, TakenOrigin

__all__ = ["film_facts"]

_YEARS = range(1971, 2100)
"""Clocks that were never set say 1904 or 1970."""
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?")
_ISO_6709 = re.compile(r"([+-]\d{2,6}(?:\.\d+)?)([+-]\d{3,7}(?:\.\d+)?)")
_LOCAL_TIMES = ("com.apple.quicktime.creationdate",)
_WORLD_TIMES = ("creation_time", "date")
_MAKERS = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
_MODELS = ("com.apple.quicktime.model", "com.android.model", "model")
_PLACES = ("com.apple.quicktime.location.iso6709", "location")
_FARTHEST = timedelta(hours=14, minutes=30)
_QUARTER_MINUTES = 15


def film_facts(metadata: Mapping[str, str], name: str) -> CameraFacts:
    """Take the facts from a container's metadata; what is damaged or impossible counts as not said.

    Phones write the moment by UTC alone. What their clock showed is known where the file's name tells it
    (``VID_20240501_123000.mp4``); otherwise the home's own time zone stands in.

    Args:
        metadata: Keys and values of the container.
        name: Name of the file.
    """
    said = {key.lower(): words(value) for key, value in metadata.items()}
    return CameraFacts(
        taken=_taken(said, name),
        camera=camera_name(_first(said, _MAKERS), _first(said, _MODELS)),
        location=_location(_first(said, _PLACES)),
    )


def _first(said: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((said[key] for key in keys if said.get(key)), "")


def _taken(said: Mapping[str, str], name: str) -> Taken | None:
    for key in (*_LOCAL_TIMES, *_WORLD_TIMES):
        found = _moment(said.get(key, ""))
        if found is None:
            continue
        moment, offset = found
        if key in _LOCAL_TIMES or offset is None or offset != 0:
            return Taken(moment, offset, TakenOrigin.EXIF)
        return _local(moment, name)
    return None


def _local(moment: datetime, name: str) -> Taken:
    """Tell what the clock showed at a moment by UTC."""
    named = time_in_name(name)
    if named is not None and named.time() != datetime.min.time() and abs(named - moment) <= _FARTHEST:
        quarters = round((named - moment).total_seconds() / 60 / _QUARTER_MINUTES)
        return Taken(named, quarters * _QUARTER_MINUTES, TakenOrigin.EXIF)
    return Taken(local_time(moment.replace(tzinfo=UTC)), None, TakenOrigin.EXIF)


def _moment(text: str) -> tuple[datetime, int | None] | None:
    """Read a moment as it is written, and the minutes east of UTC that stand behind it."""
    found = _MOMENT.match(text)
    if found is None:
        return None
    try:
        moment = datetime(*(int(part) for part in found.groups()[:6]))  # type: ignore[arg-type]
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    zone = found[7]
    if zone is None or zone == "Z":
        return moment, None if zone is None else 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    if minutes > 14 * 60 or int(zone[-2:]) > 59:
        return moment, None
    return moment, -minutes if zone[0] == "-" else minutes


def _location(text: str) -> Location | None:
    """Read a place (ISO 6709, annex H): degrees, or degrees and minutes, or those and seconds, without anything between."""
    found = _ISO_6709.match(text)
    if found is None:
        return None
    latitude, longitude = _degrees(found[1], 2, 90.0), _degrees(found[2], 3, 180.0)
    if latitude is None or longitude is None or (latitude == 0.0 and longitude == 0.0):
        return None
    return Location(latitude, longitude)


def _degrees(text: str, digits: int, limit: float) -> float | None:
    whole = text[1:].partition(".")[0]
    number = float(text[1:])
    if len(whole) == digits + 2:
        degrees = number // 100 + number % 100 / 60
    elif len(whole) == digits + 4:
        degrees = number // 10000 + number // 100 % 100 / 60 + number % 100 / 3600
    elif len(whole) == digits:
        degrees = number
    else:
        return None
    if not math.isfinite(degrees) or degrees > limit:
        return None
    return round(-degrees if text[0] == "-" else degrees, 7)
