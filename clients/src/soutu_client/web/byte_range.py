"""Ranges of bytes that an HTTP request asks for (RFC 9110, section 14.1.2)."""

from __future__ import annotations

import re

__all__ = ["RangeNotSatisfiable", "wanted_range"]

_ONE = re.compile(r"bytes=\s*(?P<first>\d{0,19})-(?P<last>\d{0,19})\s*", re.IGNORECASE | re.ASCII)


class RangeNotSatisfiable(Exception):  # noqa: N818 - the specification's name
    """Nothing of the range exists."""


def wanted_range(header: str, size: int) -> range | None:
    """Return the bytes of ``size`` that a ``Range`` header asks for; None: all of them.

    Several ranges, and what is no range of bytes, are answered with everything, as the specification allows.

    Raises:
        RangeNotSatisfiable: The range begins behind the end.
    """
    match = _ONE.fullmatch(header.strip())
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        length = int(match["last"])
        if not length or not size:
            raise RangeNotSatisfiable
        return range(max(0, size - length), size)
    first, last = int(match["first"]), int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None
    if first >= size:
        raise RangeNotSatisfiable
    return range(first, min(last, size - 1) + 1)
