"""What the driver asked for and what was acknowledged, as a log on the disk, and what may be true after it.

A line of the log says that something is about to be asked for (``intend``) or was acknowledged (``done``). Between the two, and
for ever after a call that was cut off, both the state before and the one that was asked for are right.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

PRESENT, DELETED, GONE = "present", "deleted", "gone"
MOVED = "搬走"
"""The folder that photos are moved to within their bucket."""
OUTCOMES = {"upload": PRESENT, "drop": PRESENT, "delete": DELETED, "undelete": PRESENT, "purge": GONE}


@dataclass
class Allowed:
    """What a photo may be after all that was said of it. ``acknowledged`` says whether any of that was an acknowledgement."""

    states: set[str] = field(default_factory=lambda: {GONE})
    captions: set[str] = field(default_factory=lambda: {""})
    uploads: int = 0

    def intend(self, operation: str, value: str) -> None:
        if operation == "caption":
            self.captions.add(value)
        else:
            self.states.add(OUTCOMES[operation])
            if operation == "purge":
                self.captions.add("")

    def done(self, operation: str, value: str) -> None:
        if operation == "caption":
            self.captions = {value}
        else:
            self.states = {OUTCOMES[operation]}
            self.uploads += operation == "upload"
            if operation == "purge":
                self.captions = {""}


def read_log(lines: Iterable[str]) -> dict[str, Allowed]:
    """Follow a log, photo by photo."""
    photos: dict[str, Allowed] = defaultdict(Allowed)
    for line in lines:
        if not line.endswith("\n"):
            break  # torn: it was not flushed, and nobody went on from it
        said = json.loads(line)
        photo = photos[said["photo"]]
        (photo.done if said["is_done"] else photo.intend)(said["operation"], said.get("value", ""))
    return dict(photos)
