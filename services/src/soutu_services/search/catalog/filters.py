"""Filters as SQL. User text is only ever a parameter, and never a pattern."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from calendar import monthrange
from datetime import datetime

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog.taken_times import TOLD_ORIGINS
from soutu_services.search.model import BoundingBox, Filter
from soutu_services.search.visibility import Visibility, folder_path

__all__ = [
    "NAME_COUNTS",
    "Parameters",
    "filter_condition",
    "name_visible",
    "order_seen",
    "part_visible",
    "photo_visible",
    "taken_bounds",
    "taken_seen",
]

Parameters = dict[str, str | int | float]
"""Named parameters of a statement."""

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d))?)?)?)?)?", re.ASCII)
_FORMAT_ALIASES = {
    "jpg": "jpeg",
    "jpe": "jpeg",
    "jfif": "jpeg",
    "tif": "tiff",
    "svg": "svg+xml",
    "ico": "x-icon",
} | dict.fromkeys(("raw", "dng", "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2", "pef", "srw"), "x-raw")
_FILM_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "3gp": "video/mp4",
    "mov": "video/quicktime",
    "quicktime": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mts": "video/mp2t",
    "m2ts": "video/mp2t",
    "mpg": "video/mpeg",
    "mpeg": "video/mpeg",
    "wmv": "video/x-ms-asf",
    "flv": "video/x-flv",
}
_MAX_VALUES = 100
NAME_COUNTS = "(n.present = 1 OR n.alias = 1)"
"""Condition on a row of ``names``, called ``n``: an object has the name now, or a client told it of a photo that was known."""


def filter_condition(
    photo_filter: Filter, visibility: Visibility, *, deleted: bool = False, few: bool = False
) -> tuple[str, Parameters]:
    """Write a filter as a condition on a photo, called ``p`` in the statement, and its named parameters.

    Args:
        photo_filter: The filter.
        visibility: What the caller may see: no other photo passes, and no other name lets one pass.
        deleted: Whether it is for deleted photos: those are no longer where they were, so every name they had counts.
        few: Whether the statement asks it of a few photos; see ``photo_visible``.

    Raises:
        InvalidInput: a date, an area or the number of values cannot be right.
    """
    visible, parameters = photo_visible(visibility, few=few)
    conditions = [visible] if visible != "1" else []
    _check_counts(photo_filter)
    first, last = taken_bounds(photo_filter.taken_from, photo_filter.taken_until)
    taken = taken_seen(visibility)
    if first:
        conditions.append(f"{taken} >= :taken_first")
        parameters["taken_first"] = first
    if last:
        conditions.append(f"{taken} <= :taken_last")
        parameters["taken_last"] = last
    if photo_filter.folders or photo_filter.sources:
        conditions.append(_places(photo_filter, visibility, parameters, deleted=deleted))
    if photo_filter.cameras:
        cameras = {f"camera{at}": camera.casefold().strip() for at, camera in enumerate(photo_filter.cameras)}
        conditions.append(f"({' OR '.join(f'instr(p.camera_folded, :{name}) > 0' for name in cameras)})")
        parameters.update(cameras)
    if photo_filter.area is not None:
        conditions.append(_area(photo_filter.area, parameters))
    if photo_filter.formats:
        formats = "IN (SELECT value FROM json_each(:formats))"
        part_seen, _ = part_visible(visibility)  # its parameters are those of photo_visible
        parts = f"p.id IN (SELECT c.photo FROM contents c WHERE c.is_part = 1 AND c.media_type {formats} AND {part_seen})"
        conditions.append(f"(p.media_type {formats} OR {parts})")
        parameters["formats"] = json.dumps([_media_type(name) for name in photo_filter.formats])
    if photo_filter.kinds:
        conditions.append("p.kind IN (SELECT value FROM json_each(:kinds))")
        parameters["kinds"] = json.dumps([kind.value for kind in photo_filter.kinds])
    for at, tag in enumerate(photo_filter.tags):
        conditions.append(f"p.id IN (SELECT photo FROM tags WHERE tag = :tag{at})")
        parameters[f"tag{at}"] = unicodedata.normalize("NFC", tag.strip())
    if photo_filter.favourite is not None:
        negation = "" if photo_filter.favourite else "NOT "
        conditions.append(f"p.id {negation}IN (SELECT photo FROM annotations WHERE favourite = 1)")
    if photo_filter.albums:
        conditions.append("p.id IN (SELECT photo FROM albums WHERE album IN (SELECT value FROM json_each(:albums)))")
        parameters["albums"] = json.dumps([unicodedata.normalize("NFC", album.strip()) for album in photo_filter.albums])
    return " AND ".join(conditions) or "1", parameters


def photo_visible(visibility: Visibility, *, few: bool = False) -> tuple[str, Parameters]:
    """Write as a condition on a photo, called ``p``, that the caller may see it, and its named parameters; "1": all may be.

    Confined callers see photos that are present in one of their folders and not deleted; names without an object do not count.

    Args:
        visibility: What the caller may see.
        few: Whether the statement asks it of a few photos, not of the whole library: then each is looked at by itself.
    """
    if visibility.is_everything:
        return "1", {}
    condition, parameters = name_visible(visibility, "v")
    names = f"FROM names v WHERE v.present = 1 AND {condition}"
    within = f"EXISTS (SELECT 1 {names} AND v.photo = p.id)" if few else f"p.id IN (SELECT v.photo {names})"
    return f"(p.present = 1 AND p.deleted_at IS NULL AND {within})", parameters


def name_visible(visibility: Visibility, row: str) -> tuple[str, Parameters]:
    """Write as a condition on a row of ``names`` that it lies where the caller may see, and its named parameters."""
    if visibility.is_everything:
        return "1", {}
    parameters: Parameters = {}
    places = []
    for at, (source, path) in enumerate(visibility.places):
        conditions = []
        if source:
            conditions.append(f"{row}.source = :place{at}_source")
            parameters[f"place{at}_source"] = source
        if path:
            conditions.append(f"({row}.path >= :place{at} AND {row}.path < :place{at}_end)")
            parameters[f"place{at}"] = f"{path}/"
            parameters[f"place{at}_end"] = f"{path}0"
        places.append(" AND ".join(conditions) or "1")
    return f"({' OR '.join(places) or '0'})", parameters


def part_visible(visibility: Visibility) -> tuple[str, Parameters]:
    """Write as a condition on a content, called ``c``, that is part of another one's photo, that the caller may see a file of it.

    A photo may lie in several folders, and only in one of them have a raw file beside it. The parameters are those of
    ``photo_visible``.
    """
    if visibility.is_everything:
        return "1", {}
    condition, parameters = name_visible(visibility, "w")
    files = "objects s CROSS JOIN names w ON w.photo = c.photo AND w.source = s.source AND w.name = s.key"
    return f"EXISTS (SELECT 1 FROM {files} WHERE s.content = c.id AND s.present = 1 AND {condition})", parameters


def taken_seen(visibility: Visibility) -> str:
    """Write as an expression when a photo, called ``p``, was taken as far as the caller may know; see ``photo_visible``.

    Confined callers know what the picture or a person tells, or else what the names and the files that they see do: a copy
    elsewhere may have another name, and that one may have been read. The parameters are those of ``photo_visible``.
    """
    if visibility.is_everything:
        return "p.taken_local"
    return (
        f"(CASE WHEN p.taken_origin IN {TOLD_ORIGINS} THEN p.taken_local "
        f"WHEN p.taken_local IS NOT NULL THEN {_of_files(visibility)} END)"
    )


def order_seen(visibility: Visibility) -> str:
    """Write as an expression the time that a photo, called ``p``, is listed by; see ``taken_seen``."""
    if visibility.is_everything:
        return "p.sort_at"
    return f"(CASE WHEN p.taken_origin IN {TOLD_ORIGINS} THEN p.taken_local ELSE coalesce({_of_files(visibility)}, '') END)"


def _of_files(visibility: Visibility) -> str:
    visible, _ = name_visible(visibility, "t")
    return (
        "(SELECT coalesce(min(time_in_name(t.name)), local_time(min(o.modified_at))) FROM names t "
        "LEFT JOIN objects o ON o.source = t.source AND o.key = t.name AND o.present = 1 "
        f"WHERE t.photo = p.id AND t.present = 1 AND {visible})"
    )


def taken_bounds(taken_from: str, taken_until: str) -> tuple[str, str]:
    """Turn partial dates into the first and the last second they allow, both "" where open.

    ``2019`` begins on the first of January and ends on the last second of December.

    Raises:
        InvalidInput: one is no date, or they leave nothing between them.
    """
    first = _moment(taken_from, last=False) if taken_from else ""
    last = _moment(taken_until, last=True) if taken_until else ""
    if first and last and first > last:
        raise InvalidInput("BAD_DATE", zh="开始日期晚于结束日期，请对调", en="the first date is after the last one; swap them")
    return first, last


def _moment(text: str, *, last: bool) -> str:
    match = _DATE.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        year, month, day, hour, minute, second = (None if part is None else int(part) for part in match.groups())
        assert year is not None
        month = (12 if last else 1) if month is None else month
        day = (monthrange(year, month)[1] if last else 1) if day is None else day
        end = 59 if last else 0
        moment = datetime(
            year,
            month,
            day,
            (23 if last else 0) if hour is None else hour,
            end if minute is None else minute,
            end if second is None else second,
        )
    except (ValueError, OverflowError):
        raise InvalidInput(
            "BAD_DATE",
            zh="日期写法不对，请写成 2019、2019-05、2019-05-01 或 2019-05-01T12:30",
            en="not a date; write 2019, 2019-05, 2019-05-01 or 2019-05-01T12:30",
        ) from None
    return moment.isoformat()


def _places(photo_filter: Filter, visibility: Visibility, parameters: Parameters, *, deleted: bool) -> str:
    """Match names in sources and below folders; one name must do both. Folders are ranges of paths: "/" is followed by "0"."""
    conditions = ["n.photo = p.id"] if deleted else [NAME_COUNTS]
    if photo_filter.sources:
        conditions.append("n.source IN (SELECT value FROM json_each(:sources))")
        parameters["sources"] = json.dumps(photo_filter.sources)
    if not visibility.is_everything:
        visible, within = name_visible(visibility, "n")
        conditions.append(visible)
        parameters.update(within)
    paths = [folder_path(folder) for folder in photo_filter.folders]
    if paths and all(paths):
        ranges = []
        for at, path in enumerate(paths):
            ranges.append(f"(n.path >= :folder{at} AND n.path < :folder{at}_end)")
            parameters[f"folder{at}"] = f"{path}/"
            parameters[f"folder{at}_end"] = f"{path}0"
        conditions.append(f"({' OR '.join(ranges)})")
    names = f"FROM names n WHERE {' AND '.join(conditions)}"
    return f"EXISTS (SELECT 1 {names})" if deleted else f"p.id IN (SELECT n.photo {names})"


def _area(area: BoundingBox, parameters: Parameters) -> str:
    edges = (area.south, area.west, area.north, area.east)
    if (
        not all(math.isfinite(edge) for edge in edges)
        or not -90 <= area.south <= area.north <= 90
        or not (-180 <= area.west <= 180 and -180 <= area.east <= 180)
    ):
        raise InvalidInput(
            "BAD_AREA",
            zh="区域不对：纬度在 -90 到 90 之间且南不大于北，经度在 -180 到 180 之间",
            en="not an area: latitudes from -90 to 90, south not above north, longitudes from -180 to 180",
        )
    parameters.update(south=area.south, west=area.west, north=area.north, east=area.east)
    across = "OR" if area.west > area.east else "AND"
    return f"p.latitude BETWEEN :south AND :north AND (p.longitude >= :west {across} p.longitude <= :east)"


def _media_type(name: str) -> str:
    name = name.strip().casefold().removeprefix(".")
    return name if "/" in name else _FILM_TYPES.get(name) or f"image/{_FORMAT_ALIASES.get(name, name)}"


def _check_counts(photo_filter: Filter) -> None:
    lists = (
        photo_filter.folders,
        photo_filter.sources,
        photo_filter.cameras,
        photo_filter.formats,
        photo_filter.kinds,
        photo_filter.tags,
        photo_filter.albums,
    )
    if any(len(values) > _MAX_VALUES for values in lists):
        raise InvalidInput(
            "FILTER_TOO_LONG", zh=f"每种筛选条件最多 {_MAX_VALUES} 个", en=f"at most {_MAX_VALUES} values of each filter"
        )
