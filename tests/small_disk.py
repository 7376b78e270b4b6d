"""A disk of a few megabytes, for tests that fill it: a tmpfs in a namespace of its own, which needs no rights of root."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patience import PATIENCE

__all__ = ["NoSmallDisk", "SmallDisk", "small_disk"]

_MOUNT = 'mount -t tmpfs -o size="$2" none "$1" && echo mounted && exec cat'


class NoSmallDisk(Exception):  # noqa: N818 - it is no fault
    """The kernel lets nobody but root mount anything; the text says why."""


class SmallDisk:
    """Processes that are run ``within`` it see it at its folder; others see it at ``seen``."""

    def __init__(self, holder: subprocess.Popen[str], folder: Path) -> None:
        self.within = ("nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials", "--")
        self.seen = Path(f"/proc/{holder.pid}/root{folder}")

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.seen / "filler").open("ab", buffering=0) as filler:
            piece = bytes(1 << 16)
            while piece:
                try:
                    filler.write(piece)
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    piece = piece[: len(piece) // 2]

    def make_room(self) -> None:
        (self.seen / "filler").unlink()


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount it over a folder until the block ends.

    Raises:
        NoSmallDisk: this machine does not allow it.
    """
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", str(folder), str(size_bytes)]
    try:
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise NoSmallDisk(f"there is no unshare: {error.strerror}") from error
    with holder:
        assert holder.stdout is not None and holder.stderr is not None and holder.stdin is not None
        if not holder.stdout.readline():
            raise NoSmallDisk(holder.stderr.read().strip().replace("\n", " "))
        try:
            yield SmallDisk(holder, folder)
        finally:
            holder.stdin.close()
            holder.wait(PATIENCE)
