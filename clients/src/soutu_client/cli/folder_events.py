"""What the operating system says of changes in a folder: a hint where to look, never the truth. watchdog's one importer."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

__all__ = ["FolderEvents"]

_WORTH_A_LOOK = [
    DirCreatedEvent,
    DirMovedEvent,
    FileAttribEvent,  # it may be readable now
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


class FolderEvents(FileSystemEventHandler):
    """Collects which paths below a folder may be new or changed, each once, however often they change."""

    def __init__(self, folder: Path, *, wake: threading.Event) -> None:
        """Begin to listen; ``wake`` is set when there is something.

        Raises:
            OSError: The system cannot tell, for instance because it watches too many folders already.
        """
        self._folder = folder
        self._real = Path(os.path.realpath(folder))
        self._wake = wake
        self._lock = threading.Lock()
        self._changed: set[Path] = set()
        self._observer = Observer()
        try:
            self._observer.schedule(self, str(self._real), recursive=True, event_filter=_WORTH_A_LOOK)
            self._observer.start()
        except OSError:
            self.stop()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it still hears anything."""
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)

    def take(self) -> set[Path]:
        """Return what changed since the last time."""
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed

    def stop(self) -> None:
        """Listen no more."""
        if self._observer.ident is not None:
            self._observer.stop()
            self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note where something happened. Runs in the observer's thread."""
        for said in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(said))
            if said and path.is_relative_to(self._real):
                with self._lock:
                    self._changed.add(self._folder / path.relative_to(self._real))
                self._wake.set()
