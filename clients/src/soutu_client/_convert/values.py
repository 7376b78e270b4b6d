"""Times and enumerations."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from soutu_client._errors import InvalidInputError

__all__ = ["duration", "member", "milliseconds", "number", "timestamp", "when"]

E = TypeVar("E", bound=Enum)


def when(message: Message, field: str) -> datetime | None:
    """Return a timestamp field in UTC, or None if it is unset."""
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    return value.ToDatetime(tzinfo=UTC)


def milliseconds(message: Message, field: str) -> int | None:
    """Return a length of time, or None if it is unset."""
    if not message.HasField(field):
        return None
    value: Duration = getattr(message, field)
    return value.ToMilliseconds()


def duration(length_ms: int | None) -> Duration | None:
    """Return milliseconds as a length of time; None stays unset."""
    if length_ms is None:
        return None
    value = Duration()
    value.FromMilliseconds(length_ms)
    return value


def timestamp(moment: datetime) -> Timestamp:
    """Return an aware moment as a timestamp."""
    value = Timestamp()
    value.FromDatetime(moment.astimezone(UTC))
    return value


def member(kind: type[E], wire: EnumDescriptor, value: int, prefix: str) -> E | None:
    """Return the member for a number; None for unspecified, ``UNKNOWN`` for one that a newer service added."""
    if value == 0:
        return None
    try:
        return kind[wire.values_by_number[value].name.removeprefix(prefix)]
    except KeyError:
        return kind["UNKNOWN"]


def number(chosen: Enum, wire: EnumDescriptor, prefix: str) -> int:
    """Return the number of a member.

    Raises:
        InvalidInputError: It is ``UNKNOWN``, which cannot be asked for.
    """
    try:
        return wire.values_by_name[prefix + chosen.name].number
    except KeyError:
        raise InvalidInputError(f"不能按 UNKNOWN 查找 · {chosen} cannot be asked for", reason="UNKNOWN_VALUE") from None
