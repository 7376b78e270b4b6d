"""Files that are replaced as a whole: written aside, flushed, and only then put into their place."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["ASIDE_SUFFIX", "AsideFile", "sync_folder"]

ASIDE_SUFFIX = ".part"
"""Ends the name of a file that is being written aside. One that is found at a start was left by a crash."""


class AsideFile:
    """A file that takes another's place when its block ends without an error.

    After a crash either the old or the new is there, whole. The new is on the disk, with its name, when the block has ended.

    Raises:
        OSError: the disk does not take it; what was there before still is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(path.name + ASIDE_SUFFIX)

    def __enter__(self) -> Self:
        self._file = self._aside.open("wb")
        return self

    def write(self, data: bytes | memoryview) -> None:
        """Write on."""
        self._file.write(data)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                self._aside.replace(self._path)
                sync_folder(self._path.parent)
        finally:
            self._aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder, so that names which were made or changed in it outlive a power cut. Windows does it by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
