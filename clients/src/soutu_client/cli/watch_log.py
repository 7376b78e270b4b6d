"""What ``soutu watch`` tells: a line for each thing that happens, for people or as JSON, and the sum at the end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from soutu_client._os_errors import describe_os_error
from soutu_client._walk import FoundFile
from soutu_client.add_models import AddResult
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.models import Photo

__all__ = ["WatchLog"]

_MOST_LINES = 20
_SHORT_ID = 8
_SECONDS_BETWEEN_WAITS = 20.0


@dataclass
class _Sum:
    added: int = 0
    known: int = 0
    failed: int = 0
    unreadable: int = 0


class WatchLog:
    """Writes to standard output, flushed line by line.

    All is told by one thread, but ``waiting``, which those that send files reach too, some of them when all else is over.
    """

    def __init__(self, session: Session, *, as_json: bool) -> None:
        self._session = session
        self._as_json = as_json
        self._sum = _Sum()
        self._failed: set[Path] = set()
        self._is_waiting = self._is_silent = False
        self._waited_at = -_SECONDS_BETWEEN_WAITS
        self._lock = threading.RLock()
        self._is_over = False

    def say(self, event: str, line: str, **facts: object) -> None:
        """Tell one thing, as a line for people or with its facts as JSON."""
        with self._lock:
            if self._as_json:
                self._session.print_json_line({"event": event, "time": datetime.now(tz=UTC), **facts})
            else:
                self._session.print(" ".join(line.split()))

    def watching(self, folder: Path) -> None:
        """Tell that a folder is followed."""
        self.say("watching", self._session.text("watch.watching", path=printable(str(folder))), path=folder)

    def folder_news(self, event: str, path: Path, error: OSError | None) -> None:
        """Tell of a folder itself: ``gone``, ``back``, ``polling`` or ``unreadable``."""
        why = describe_os_error(error, self._session.texts.language) if error is not None else ""
        key = "polling_because" if event == "polling" and error is not None else event
        line = self._session.text(f"watch.{key}", path=printable(str(path)), why=why)
        self.say(event, line, path=path, **({"message": why} if why else {}))

    def waiting(self, why: str) -> None:
        """Tell that the service is away, once, and that it is back; ``why`` is empty while it is not waited for."""
        with self._lock:
            self._wait(why)

    def _wait(self, why: str) -> None:
        if self._is_over or bool(why) is self._is_waiting:
            return
        self._is_waiting = bool(why)
        if why:
            self._is_silent = time.monotonic() - self._waited_at < _SECONDS_BETWEEN_WAITS
            self._waited_at = time.monotonic()
        if self._is_silent:  # a service with its hands full comes and goes
            return
        if why:
            self.say("waiting", self._session.text("watch.waiting", why=printable(why)), message=why)
        else:
            self.say("resumed", self._session.text("watch.resumed"))

    def added(self, result: AddResult, files: dict[Path, FoundFile]) -> None:
        """Tell what became of some files: each by itself, or where they are many those that did not get in."""
        self._sum.added += len(result.added)
        self._sum.known += len(result.known) + len(result.deleted)
        self._failed |= {problem.path for problem in result.failed}
        self._failed -= {file.path for file in result.added}  # at last
        self._failed -= {file.path for file in (*result.known, *result.deleted)}
        is_many = len(result.added) + len(result.known) > _MOST_LINES
        if is_many and not self._as_json:
            line = self._session.text("watch.many", added=f"{len(result.added):,}", known=f"{len(result.known):,}")
            self.say("many", line)
        else:
            for added in result.added:
                self._file("added", added.path, added.name, added.photo_id)
            for known in result.known:
                self._file("known", known.path, files[known.path].name, known.photo_id)
        for deleted in result.deleted:
            self._file("deleted", deleted.path, files[deleted.path].name, deleted.photo_id)
        for problem in result.failed:
            line = self._session.text("watch.failed", path=printable(str(problem.path)), why=printable(problem.message))
            self.say("failed", line, path=problem.path, message=problem.message)

    def interrupted(self, uploaded: int, failed: int) -> None:
        """Count files of a round that was not finished."""
        self._sum.added += uploaded
        self._sum.failed += failed

    def not_readable(self, photo: Photo) -> None:
        """Tell that a photo that was added cannot be read."""
        self._sum.unreadable += 1
        why = photo.unreadable.message if photo.unreadable else ""
        line = self._session.text("watch.not_readable", name=printable(photo.name), why=printable(why))
        self.say("not_readable", line, name=photo.name, photo_id=photo.photo_id, message=why)

    def stopped(self) -> None:
        """Tell the sum; a file that got in after it had failed is no failure."""
        self._sum.failed += len(self._failed)
        self._failed.clear()
        line = self._session.text(
            "watch.stopped",
            added=f"{self._sum.added:,}",
            known=f"{self._sum.known:,}",
            failed=f"{self._sum.failed:,}",
            unreadable=f"{self._sum.unreadable:,}",
        )
        with self._lock:
            self._is_over = True
            self.say("stopped", line, **vars(self._sum))

    def _file(self, event: str, path: Path, name: str, photo_id: str) -> None:
        line = self._session.text(f"watch.{event}", name=printable(name), photo=photo_id[:_SHORT_ID])
        self.say(event, line, path=path, name=name, photo_id=photo_id)
