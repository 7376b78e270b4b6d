"""What can be read from its beginning: a file, or what lies in an archive."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Opener", "Readable"]


class Readable(Protocol):
    """An open file, as far as it is read here. Reading raises ``OSError`` where it cannot go on."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most ``size``; none: it is at its end."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None: ...


Opener = Callable[[], Readable]
"""Opens it, or raises ``OSError``."""
