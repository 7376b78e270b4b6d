"""Ranges of bytes that an HTTP request asks for (RFC 9110, section 14.1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["AskedRange", "RangeNotSatisfiable", "asked_range"]

_ONE = re.compile(r"bytes=\s*(?P<first>\d{0,19})-(?P<last>\d{0,19})\s*", re.IGNORECASE | re.ASCII)
_FARTHEST = (1 << 63) - 1
"""No content is so long: what the search service takes as an offset at most."""


class RangeNotSatisfiable(Exception):  # noqa: N818 - the specification's name
    """Nothing of the range exists."""


@dataclass(frozen=True)
class AskedRange:
    """Bytes that are asked for before it is known how many there are.

    Attributes:
        offset: The first of them; a negative one counts from the end.
        length: How many at most; None: to the end.
    """

    offset: int = 0
    length: int | None = None

    def of(self, size: int) -> range:
        """Return which bytes of ``size`` they are.

        Raises:
            RangeNotSatisfiable: None of them exists.
        """
        begin = self.offset if self.offset >= 0 else max(0, size + self.offset)
        if begin >= size:
            raise RangeNotSatisfiable
        return range(begin, size if self.length is None else min(begin + self.length, size))


def asked_range(header: str) -> AskedRange | None:
    """Return the bytes that a ``Range`` header asks for; None: all of them.

    Several ranges, and what is no range of bytes, are answered with everything, as the specification allows.
    """
    match = _ONE.fullmatch(header.strip())
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        length = min(int(match["last"]), _FARTHEST)
        return AskedRange(-length) if length else AskedRange(_FARTHEST)  # no bytes at all can never be answered
    first = int(match["first"])
    if not match["last"]:
        return AskedRange(min(first, _FARTHEST))
    last = int(match["last"])
    return None if last < first else AskedRange(min(first, _FARTHEST), last - first + 1)
