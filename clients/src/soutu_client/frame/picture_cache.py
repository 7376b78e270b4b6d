"""Pictures that are kept on the disk, so that there is something to show while the service is away.

A file holds a line of JSON (SHA-256 of what follows it, and the photo's slide) and the picture as it was received. It is written
aside and renamed; one whose digest is another is dropped. What was not shown for longest goes first when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from soutu_client.frame.slide import Slide, is_photo_id

__all__ = ["MOST_IN_MEMORY", "KeptPicture", "PictureCache"]

MOST_IN_MEMORY = 4

_MOST_HEADER = 4096
_ASIDE = ".part"


@dataclass(frozen=True)
class KeptPicture:
    """A picture and what is told with it."""

    slide: Slide
    image: bytes


class PictureCache:
    """Pictures in a folder of their own, at most ``max_bytes``. Safe to use from several threads.

    What the disk does not take, a few pictures of it stay in memory: no method raises for a disk that fails, ``problem`` says it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0
        self._in_memory: OrderedDict[str, bytes] = OrderedDict()
        self.problem: OSError | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._find()
        except OSError as error:
            self.problem = error

    def _find(self) -> None:
        """Learn what is there, the one shown longest ago first; take away what a power cut left half written."""
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(_ASIDE):
                    Path(entry.path).unlink(missing_ok=True)
                elif is_photo_id(entry.name) and entry.is_file(follow_symlinks=False):
                    told = entry.stat(follow_symlinks=False)
                    found.append((told.st_mtime_ns, entry.name, told.st_size))
        for _, name, size in sorted(found):
            self._sizes[name] = size
            self._bytes += size
        self._shrink()

    def __contains__(self, photo_id: str) -> bool:
        with self._lock:
            return photo_id in self._sizes or photo_id in self._in_memory

    @property
    def size_bytes(self) -> int:
        """How much the pictures take."""
        with self._lock:
            return self._bytes

    @property
    def is_on_disk(self) -> bool:
        """Whether the disk takes pictures; else ``MOST_IN_MEMORY`` are kept."""
        with self._lock:
            return self.problem is None and not self._in_memory

    def keep(self, slide: Slide, image: bytes) -> None:
        """Keep a picture."""
        body = json.dumps(slide.to_json(), ensure_ascii=False).encode() + b"\n" + image
        whole = hashlib.sha256(body).hexdigest().encode() + b" " + body
        with self._lock:
            if len(whole) <= self._max_bytes:
                try:
                    self._write(slide.photo_id, whole)
                except OSError as error:
                    self.problem = error
                else:
                    self.problem = None
                    self._in_memory.clear()
                    return
            self._in_memory[slide.photo_id] = whole
            while len(self._in_memory) > MOST_IN_MEMORY:
                self._in_memory.popitem(last=False)

    def _write(self, photo_id: str, whole: bytes) -> None:
        aside = self._folder / f"{photo_id}{_ASIDE}"
        try:
            aside.write_bytes(whole)
            aside.replace(self._folder / photo_id)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
        self._bytes += len(whole) - self._sizes.pop(photo_id, 0)
        self._sizes[photo_id] = len(whole)
        self._shrink()

    def read(self, photo_id: str) -> KeptPicture | None:
        """Return a picture, and count it as shown now; None: it is not there, or it is damaged and was dropped."""
        with self._lock:
            if photo_id in self._in_memory:
                return _read(photo_id, self._in_memory[photo_id])
            if photo_id not in self._sizes:
                return None
            path = self._folder / photo_id
            try:
                kept = _read(photo_id, path.read_bytes())
            except (OSError, ValueError):
                self._drop(photo_id)
                return None
            self._sizes.move_to_end(photo_id)
            with contextlib.suppress(OSError):
                os.utime(path)
            return kept

    def drop(self, photo_id: str) -> None:
        """Forget a picture."""
        with self._lock:
            self._drop(photo_id)

    def slides(self) -> list[Slide]:
        """Return what is told of all that are kept, the one shown longest ago first."""
        with self._lock:
            names = list(self._sizes)
        found = []
        for name in names:
            with contextlib.suppress(OSError, ValueError):
                with (self._folder / name).open("rb") as file:
                    line = file.read(_MOST_HEADER).partition(b"\n")[0]
                found.append(Slide.from_json(json.loads(line.partition(b" ")[2])))
        return found

    def _drop(self, photo_id: str) -> None:
        self._in_memory.pop(photo_id, None)
        self._bytes -= self._sizes.pop(photo_id, 0)
        with contextlib.suppress(OSError):
            (self._folder / photo_id).unlink(missing_ok=True)

    def _shrink(self) -> None:
        while self._bytes > self._max_bytes and self._sizes:
            self._drop(next(iter(self._sizes)))


def _read(photo_id: str, whole: bytes) -> KeptPicture:
    digest, _, body = whole.partition(b" ")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("damaged")
    line, _, image = body.partition(b"\n")
    slide = Slide.from_json(json.loads(line))
    if slide.photo_id != photo_id:
        raise ValueError("another photo's")
    return KeptPicture(slide, image)
