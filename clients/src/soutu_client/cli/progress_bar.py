"""A bar that shows how far something is, how fast, and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn

from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable

__all__ = ["ProgressBar"]

_WINDOW_SECONDS = 10.0


class ProgressBar:
    """A bar on standard error while it is a terminal; elsewhere only the reasons for waiting, a line each."""

    def __init__(self, session: Session, description: str) -> None:
        self._session = session
        self._description = description
        self._is_terminal = session.err.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[counts]}", markup=False),
            TextColumn("{task.fields[pace]}", markup=False, style="dim"),
            console=session.err,
            transient=True,
            disable=not self._is_terminal,
            expand=True,
            refresh_per_second=8,
        )
        self._task = self._progress.add_task(description, total=None, counts="", pace="")
        self._said = ""
        self._seen: deque[tuple[float, int, float]] = deque()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._progress.stop()

    def show(self, done: int, total: int, *, work_done: float, work_total: float, waiting: str = "", now: str = "") -> None:
        """Show a state.

        Args:
            done: Photos done.
            total: Photos in all; 0: not known yet.
            work_done: What the bar and the time left go by, for instance bytes.
            work_total: The whole of it.
            waiting: Why nothing moves; empty while it does.
            now: What is done now, where it is not always the same.
        """
        if waiting and waiting != self._said and not self._is_terminal:
            self._session.remark(printable(self._session.text("add.waiting", why=waiting)))
        self._said = waiting
        description = self._session.text("add.waiting", why=waiting) if waiting else now or self._description
        self._progress.update(
            self._task,
            description=printable(description),
            completed=work_done,
            total=work_total or None,
            counts=f"{done:,}/{total:,}" if total else f"{done:,}" if done else "",
            pace="" if waiting else self._pace(done, work_done, work_total - work_done),
        )

    def _pace(self, done: int, work_done: float, work_left: float) -> str:
        """Return rate and time left, by what happened in the last seconds."""
        now = time.monotonic()
        self._seen.append((now, done, work_done))
        while now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        began, done_then, work_then = self._seen[0]
        if now - began < 1:
            return ""
        pace = self._session.text("add.rate", rate=(done - done_then) / (now - began))
        if work_done > work_then and work_left > 0:
            seconds = work_left * (now - began) / (work_done - work_then)
            pace += "  " + self._session.text("add.left", time=_clock(seconds))
        return pace


def _clock(seconds: float) -> str:
    """Return ``0:07``, ``12:34`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
