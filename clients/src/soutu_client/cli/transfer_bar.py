"""A bar that shows how much of a file is through, how fast, and how long it will take."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from soutu_client.cli.session import Session

__all__ = ["TransferBar"]


class TransferBar:
    """A bar on standard error while it is a terminal; nothing elsewhere."""

    def __init__(self, session: Session, description: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=session.err,
            transient=True,
            disable=not session.err.is_terminal,
            expand=True,
            refresh_per_second=8,
        )
        self._task = self._progress.add_task(description, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._progress.stop()

    def show(self, done: int, total: int) -> None:
        """Show how many bytes are through, of how many; 0: not known yet."""
        self._progress.update(self._task, completed=done, total=total or None)
