"""A file that several programs append to and one may replace: whoever holds its lock is alone with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked_file"]


@contextmanager
def locked_file(path: Path) -> Iterator[int]:
    """Open a file for appending and reading, make it if it is not there, readable to its owner alone, and lock it until the end.

    Another program may have put another file in its place while this one waited: then that one is opened. Windows has no such
    locks; there, lines are still appended whole.

    Raises:
        OSError: It cannot be opened.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _lock(handle)
            if _is_at(handle, path):
                yield handle
                return
        finally:
            os.close(handle)  # which gives the lock back


def _lock(handle: int) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
