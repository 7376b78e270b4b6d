"""A stream cut into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

__all__ = ["batches"]

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items, so many at a time; the last may be fewer."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
