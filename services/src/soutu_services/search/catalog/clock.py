"""Times as the catalog stores them: whole milliseconds since 1970, UTC. The search service reads the calendar here alone.

A clock of a home's machine may jump by years. What is read here is kept and shown, and nothing is ordered or waited for by it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["from_milliseconds", "now", "now_milliseconds", "to_milliseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_milliseconds(moment: datetime) -> int:
    """Turn an aware moment into milliseconds since 1970, rounded down.

    Raises:
        ValueError: the moment has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """Turn milliseconds since 1970 into an aware moment in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def now() -> datetime:
    """Tell the moment now, in UTC."""
    return datetime.now(UTC)


def now_milliseconds() -> int:
    """Tell the moment now in milliseconds since 1970."""
    return to_milliseconds(now())
