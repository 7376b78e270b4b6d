"""One folder that is followed: whether it is there, how its changes are heard of, and when to look at all of it again."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from soutu_client.cli.arrivals import Arrivals

if TYPE_CHECKING:
    from soutu_client.cli.folder_events import FolderEvents

__all__ = ["FollowedFolder", "is_on_network"]

_FULL_LOOK_SECONDS = 600.0
"""Between looks at everything while the system tells of changes: it may lose some when there are very many."""

_POLL_SECONDS = 15.0
_MOST_BUSY = 0.1
"""Part of the time that may go into looking at everything, however large the folder and slow its disk."""

_NETWORK_KINDS = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "9p",
    "ceph",
    "glusterfs",
    "davfs",
    "virtiofs",
    "vboxsf",
)
_Identity = tuple[int, int]


class FollowedFolder:
    """A folder and what is known of it. ``say`` is told, once each time, what a person may want to know of the folder itself."""

    def __init__(
        self,
        folder: Path,
        *,
        settle_seconds: float,
        poll_seconds: float | None,
        wake: threading.Event,
        say: Callable[[str, Path, OSError | None], None],
    ) -> None:
        """Begin to follow.

        Args:
            folder: Absolute path.
            settle_seconds: How long a file must look the same before it counts as whole.
            poll_seconds: Look so often instead of listening; None: listen where the system can tell.
            wake: Set when something changed.
            say: Told ``gone``, ``back``, ``polling`` or ``unreadable``, where, and why.
        """
        self.folder = folder
        self.arrivals = Arrivals(folder, settle_seconds=settle_seconds)
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._say = say
        self._events: FolderEvents | None = None
        self._identity: _Identity | None = None
        self._is_gone = False
        self._next_look = 0.0
        self._named: set[Path] = set()

    def look(self) -> None:
        """Find out what is new, as far as anything hints at it."""
        identity = self._present_identity()
        if identity is None:
            self._go()
            return
        if identity != self._identity:
            self._listen()
            is_first = self._identity is None
            self._identity = identity
            self._look_at(None, is_first=is_first)
            if self._is_gone:
                self._is_gone = False
                self._say("back", self.folder, None)
        elif self._events is not None and not self._events.is_alive:
            self._listen()
            self._look_at(None)
        else:
            changed = self._events.take() if self._events is not None else set()
            if time.monotonic() >= self._next_look:
                self._look_at(None)
            elif changed:
                self._look_at(changed)

    def stop(self) -> None:
        """Follow no more."""
        if self._events is not None:
            self._events.stop()
            self._events = None

    def _present_identity(self) -> _Identity | None:
        """Return device and number of the folder; None where it is away, or the empty place where a disk was."""
        try:
            status = self.folder.stat()
            identity = status.st_dev, status.st_ino
            with os.scandir(self.folder) as entries:
                is_empty = next(entries, None) is None
        except OSError:
            return None
        is_other = self._identity is not None and identity != self._identity
        return None if is_other and is_empty and self.arrivals.handled else identity

    def _go(self) -> None:
        """Note that the folder is away."""
        self.stop()
        if not self._is_gone:
            self._is_gone = True
            self._say("gone", self.folder, None)
        if self._identity is not None:
            self._identity = (-1, -1)  # whatever comes back is looked at anew

    def _listen(self) -> None:
        """Ask the system to tell of changes; where it cannot, look again and again."""
        self.stop()
        self.arrivals.is_remote = is_on_network(self.folder)
        if self._poll_seconds is not None:
            return
        if self.arrivals.is_remote:
            self._poll(None)
            return
        from soutu_client.cli.folder_events import FolderEvents  # noqa: PLC0415 - watchdog is slow to load

        try:
            self._events = FolderEvents(self.folder, wake=self._wake)
        except OSError as error:
            self._poll(error)

    def _poll(self, error: OSError | None) -> None:
        self._poll_seconds = _POLL_SECONDS
        self._say("polling", self.folder, error)

    def _look_at(self, paths: set[Path] | None, *, is_first: bool = False) -> None:
        began = time.monotonic()
        problems = self.arrivals.look(paths, is_first=is_first)
        if paths is None:
            took = time.monotonic() - began
            self._next_look = began + max(self._poll_seconds or _FULL_LOOK_SECONDS, took / _MOST_BUSY)
        for path, error in problems:
            if path not in self._named:
                self._named.add(path)
                self._say("unreadable", path, error)


def is_on_network(folder: Path) -> bool:
    """Whether a folder lies on another machine, whose changes this one is not told of; False where that is not known."""
    if sys.platform != "linux":
        return False
    real = Path(os.path.realpath(folder))
    best, kind = -1, ""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        _, written, its_kind = line.split(" ")[:3]
        place = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), written))  # proc(5): a space is \040
        if real.is_relative_to(place) and len(place.parts) >= best:  # of two at one place the later one covers the other
            best, kind = len(place.parts), its_kind
    return kind in _NETWORK_KINDS or kind.startswith("fuse.")
