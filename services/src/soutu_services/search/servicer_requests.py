"""Protobuf requests as the search service's words. What cannot be right is refused here, before any work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from soutu.search.v1 import photo_pb2, photo_service_pb2

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog import Told
from soutu_services.search.model import BoundingBox, Filter, Location, PhotoKind, PhotoState

__all__ = [
    "check_label_counts",
    "filter_from",
    "moment_from",
    "page_size_from",
    "photo_ids_from",
    "sha256_from",
    "states_from",
    "told_from",
]

_KINDS = {
    photo_pb2.PHOTO_KIND_STILL: PhotoKind.STILL,
    photo_pb2.PHOTO_KIND_ANIMATION: PhotoKind.ANIMATION,
    photo_pb2.PHOTO_KIND_VIDEO: PhotoKind.VIDEO,
}
_STATES = {
    photo_pb2.PHOTO_STATE_PENDING: PhotoState.PENDING,
    photo_pb2.PHOTO_STATE_READY: PhotoState.READY,
    photo_pb2.PHOTO_STATE_UNREADABLE: PhotoState.UNREADABLE,
}
_PHOTO_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_FILTER_VALUES = 100
_MAX_VALUE_CHARACTERS = 1000
_MAX_LABELS = 100
_MAX_TOLD = 1000


def filter_from(message: photo_pb2.Filter) -> Filter:
    """Read a filter.

    Raises:
        InvalidInput: an unknown kind, an area off the Earth, or more values than anybody needs.
    """
    lists = (message.folders, message.sources, message.cameras, message.formats, message.tags, message.albums)
    if any(len(values) > _MAX_FILTER_VALUES for values in (*lists, message.kinds)):
        raise InvalidInput("FILTER_TOO_LONG", zh="筛选条件太多, 请减少后再试", en="the filter has too many values; use fewer")
    if any(len(value) > _MAX_VALUE_CHARACTERS for values in lists for value in values):
        raise InvalidInput("FILTER_TOO_LONG", zh="筛选条件太长, 请缩短后再试", en="a value of the filter is too long; shorten it")
    try:
        kinds = tuple(_KINDS[kind] for kind in message.kinds)
    except KeyError:
        raise InvalidInput("BAD_FILTER", zh="不认识的照片类型", en="unknown kind of photo in the filter") from None
    return Filter(
        taken_from=message.taken_from,
        taken_until=message.taken_until,
        folders=tuple(message.folders),
        sources=tuple(message.sources),
        cameras=tuple(message.cameras),
        area=_area(message.area) if message.HasField("area") else None,
        formats=tuple(message.formats),
        kinds=kinds,
        tags=tuple(message.tags),
        favourite=message.favourite if message.HasField("favourite") else None,
        albums=tuple(message.albums),
    )


def states_from(values: Sequence[photo_pb2.PhotoState.ValueType]) -> tuple[PhotoState, ...]:
    """Read photo states.

    Raises:
        InvalidInput: one is unknown.
    """
    try:
        return tuple(dict.fromkeys(_STATES[value] for value in values))
    except KeyError:
        raise InvalidInput("BAD_STATE", zh="不认识的照片状态", en="unknown state of a photo") from None


def photo_ids_from(values: Sequence[str], *, most: int = 1000) -> tuple[str, ...]:
    """Read whole photo ids, each once, in order.

    Raises:
        InvalidInput: too many, or one that is no id.
    """
    if len(values) > most:
        raise InvalidInput("TOO_MANY_PHOTOS", zh=f"一次最多 {most} 张照片", en=f"at most {most} photos at a time")
    if not all(_PHOTO_ID.fullmatch(value) for value in values):
        raise InvalidInput("BAD_PHOTO_ID", zh="照片编号应为 32 位十六进制数字", en="a photo id has 32 hex digits")
    return tuple(dict.fromkeys(values))


def check_label_counts(*lists: Sequence[str]) -> None:
    """Refuse more tags or albums in one list than anybody needs.

    Raises:
        InvalidInput: there are.
    """
    if any(len(values) > _MAX_LABELS for values in lists):
        raise InvalidInput("TOO_MANY_LABELS", zh=f"一次最多 {_MAX_LABELS} 个", en=f"at most {_MAX_LABELS} at a time")


def told_from(messages: Sequence[photo_service_pb2.TellPhotosRequest.Told]) -> list[Told]:
    """Read what another program knew of photos.

    Raises:
        InvalidInput: too much at a time, or something that is no photo id.
    """
    if len(messages) > _MAX_TOLD:
        raise InvalidInput("TOO_MANY_PHOTOS", zh=f"一次最多 {_MAX_TOLD} 张照片", en=f"at most {_MAX_TOLD} photos at a time")
    photo_ids_from([message.photo_id for message in messages])
    for message in messages:
        check_label_counts(message.tags, message.albums)
    return [
        Told(
            message.photo_id,
            taken_local_time=message.taken_local_time,
            taken_corrected=message.taken_corrected,
            location=Location(message.location.latitude, message.location.longitude) if message.HasField("location") else None,
            favourite=message.favourite,
            caption=message.caption,
            tags=tuple(message.tags),
            albums=tuple(message.albums),
        )
        for message in messages
    ]


def sha256_from(value: str) -> str:
    """Read a digest.

    Raises:
        InvalidInput: not 64 lower-case hex digits.
    """
    if not _SHA256.fullmatch(value):
        raise InvalidInput("BAD_DIGEST", zh="SHA-256 应为 64 位小写十六进制数字", en="a SHA-256 has 64 lower-case hex digits")
    return value


def page_size_from(value: int, *, default: int, most: int) -> int:
    """Read a page size; 0 is the default.

    Raises:
        InvalidInput: more than ``most``.
    """
    if value > most:
        raise InvalidInput("PAGE_TOO_LARGE", zh=f"每页最多 {most} 项", en=f"at most {most} a page")
    return value or default


def moment_from(message: Timestamp) -> datetime:
    """Read a moment.

    Raises:
        InvalidInput: outside of the years 1 to 9999.
    """
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("BAD_TIME", zh="时间无效", en="the time is not valid") from None


def _area(message: photo_pb2.BoundingBox) -> BoundingBox:
    box = BoundingBox(south=message.south, west=message.west, north=message.north, east=message.east)
    if not (-90 <= box.south <= box.north <= 90 and -180 <= box.west <= 180 and -180 <= box.east <= 180):
        raise InvalidInput(
            "BAD_AREA",
            zh="地图范围无效: 纬度 -90 至 90, 经度 -180 至 180, 南不大于北",
            en="the area is not valid: latitudes -90 to 90, longitudes -180 to 180, south at most north",
        )
    return box
