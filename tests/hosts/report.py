"""What was cut and what went on, as a table that a person reads."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["Promise", "Report"]

T = TypeVar("T")


@dataclass(frozen=True)
class Promise:
    """What has to go on, or to come back. ``took`` and ``within`` are seconds; ``problem`` is empty where it held."""

    event: str
    what: str
    took: float = 0.0
    within: float = 0.0
    problem: str = ""

    def line(self, width: int) -> str:
        """Return its line; a mere note has no time."""
        if not self.within:
            return f"    ({self.what})"
        pad = " " * (width - _width(self.what))
        mark = "FAILED" if self.problem else "ok"
        return f"    {self.what}{pad}  {self.took:6.2f} s of {self.within:3.0f} s  {mark}"


@dataclass
class Report:
    """Promises by event, in order."""

    promises: list[Promise] = field(default_factory=list)
    _event: str = ""
    _began: float = field(default_factory=time.monotonic)

    @contextmanager
    def event(self, text: str) -> Iterator[None]:
        """Name what happens in the block."""
        self._event = text
        yield
        self._event = ""

    def holds(self, what: str, check: Callable[[], T], *, within: float) -> T:
        """Check a promise once: it has to be kept at once, in so many seconds."""

        def check_once(_: float) -> T:
            found = check()
            assert found, "it is not so"
            return found

        return self._keep(what, check_once, within)

    def comes(self, what: str, check: Callable[[], T], *, within: float) -> T:
        """Wait for a promise to come true in so many seconds; errors on the way do not count."""

        def wait(give_up: float) -> T:
            while True:
                try:
                    found, problem = check(), None
                except Exception as error:  # noqa: BLE001 - a service that is away says so in many ways
                    found, problem = None, error
                if found:
                    return found
                if time.monotonic() > give_up:
                    raise AssertionError(str(problem or "it did not come true"))
                time.sleep(0.1)

        return self._keep(what, wait, within)

    def note(self, what: str) -> None:
        """Say something beside."""
        self.promises.append(Promise(self._event, what))

    def table(self) -> str:
        """Return the table, and a line of what it comes to."""
        lines, event = [], ""
        width = max((_width(promise.what) for promise in self.promises), default=0)
        for promise in self.promises:
            if promise.event != event:
                event = promise.event
                lines += ["", f"— {event}"]
            lines.append(promise.line(width))
            lines += [f"        {promise.problem}"] if promise.problem else []
        promises = [promise for promise in self.promises if promise.within]
        kept = sum(not promise.problem for promise in promises)
        whole = f"{kept} of {len(promises)} promises kept, in {time.monotonic() - self._began:.0f} s"
        return "\n".join([*lines, "", whole])

    def _keep(self, what: str, check: Callable[[float], T], within: float) -> T:
        began = time.monotonic()
        problem = ""
        try:
            found = check(began + within)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            took = time.monotonic() - began
            if not problem and took > within:
                problem = "it took longer than that"
            self.promises.append(Promise(self._event, what, took, within, problem))
            sys.stderr.write(f"{time.monotonic() - self._began:6.1f} s  {self._event}: {what}: {took:.2f} s {problem}\n")
        assert not problem, problem
        return found


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
