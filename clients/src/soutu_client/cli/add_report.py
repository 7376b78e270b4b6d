"""What a person sees while files are added, and of what became of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable

if TYPE_CHECKING:
    from soutu_client.add_models import AddProgress, AddResult, ReadyResult

__all__ = ["adding", "existing_paths", "exit_code", "summarise", "wait_until_searchable"]

T = TypeVar("T")

_MOST_ROWS = 60
_MOST_KINDS = 6


def adding(session: Session, add: Callable[[Callable[[AddProgress], None]], T]) -> T:
    """Return what ``add`` returns, which is given what to tell its progress to; Ctrl-C ends it with a line."""
    from soutu_client.add_models import AddProgress  # noqa: PLC0415
    from soutu_client.cli.progress_bar import ProgressBar  # noqa: PLC0415

    with ProgressBar(session, session.text("add.adding")) as bar:

        def show(now: AddProgress) -> None:
            bar.show(
                now.files_done,
                now.files_total,
                work_done=now.bytes_done + now.files_done,  # a file of no bytes is some work too
                work_total=now.bytes_total + now.files_total,
                waiting=now.waiting,
                now="" if now.files_total else session.text("add.looking"),
            )

        show(AddProgress())
        try:
            return add(show)
        except KeyboardInterrupt:
            raise CommandError(session.text("add.interrupted"), code=ExitCode.INTERRUPTED) from None


def existing_paths(session: Session, paths: Sequence[str]) -> list[Path]:
    """Return what a person named, if all of it is there."""
    found = [Path(path) for path in paths]
    for path in found:
        if not os.path.lexists(path):
            raise CommandError(session.text("error.no_such_file", path=printable(str(path))), code=ExitCode.USAGE)
    return found


def wait_until_searchable(session: Session, result: AddResult) -> ReadyResult:
    """Wait until what was added is searchable, with a bar."""
    from soutu_client.add_models import ReadyProgress  # noqa: PLC0415
    from soutu_client.cli.progress_bar import ProgressBar  # noqa: PLC0415

    with ProgressBar(session, session.text("add.processing")) as bar:

        def show(now: ReadyProgress) -> None:
            bar.show(
                now.photos_done,
                now.photos_total,
                work_done=now.photos_done,
                work_total=now.photos_total,
                waiting=now.waiting,
            )

        try:
            return session.client.wait_until_ready((file.photo_id for file in result.added), on_progress=show)
        except KeyboardInterrupt:
            raise CommandError(session.text("add.wait_interrupted"), code=ExitCode.INTERRUPTED) from None


def summarise(session: Session, result: AddResult, ready: ReadyResult | None, *, seconds: float) -> None:
    """Print what became of the files, and of the photos that were waited for."""
    from soutu_client.cli.cells import name_cell  # noqa: PLC0415
    from soutu_client.cli.photo_tables import ready_table, reason_table  # noqa: PLC0415

    if ready is not None:
        if 0 < len(ready.ready) <= _MOST_ROWS:
            photos = sorted(session.client.photos(ready.ready), key=lambda photo: photo.name)
            session.out.print(ready_table(photos, session.texts))
        if ready.unreadable:
            unreadable = sorted(ready.unreadable, key=lambda photo: photo.name)
            rows = [(name_cell(photo), photo.unreadable.message if photo.unreadable else "") for photo in unreadable]
            session.out.print(reason_table(rows, session.texts, title_key="title.unreadable"))
    if result.failed:
        failures = [(str(problem.path), problem.message) for problem in result.failed]
        session.out.print(reason_table(failures, session.texts, title_key="title.failed"))
    for line in _lines(session, result, ready, seconds=seconds):
        session.print(line)
    if result.interruption is not None:
        session.remark(session.count("add.not_tried", result.not_tried, why=result.interruption.message), style="bold red")


def _lines(session: Session, result: AddResult, ready: ReadyResult | None, *, seconds: float) -> list[str]:
    """Return one line for each count that is not 0."""
    lines = []
    if result.added:
        rate = f"{len(result.added) / max(result.seconds, 0.001):.0f}"
        lines.append(session.count("add.done", len(result.added), seconds=f"{result.seconds:.1f}", rate=rate))
    if ready is not None:
        if ready.ready:
            lines.append(session.count("add.ready", len(ready.ready), seconds=f"{seconds:.1f}"))
        if ready.unreadable:
            lines.append(session.count("add.unreadable", len(ready.unreadable)))
        if ready.pending:
            lines.append(session.count("add.pending", len(ready.pending)))
    elif result.added:
        lines.append(session.count("add.pending", len(result.added)))
    if result.known:
        lines.append(session.count("add.known", len(result.known)))
    if result.deleted:
        lines.append(session.count("add.deleted", len(result.deleted), example=result.deleted[0].photo_id[:8]))
    if result.ignored:
        most = Counter(result.ignored).most_common(_MOST_KINDS)
        kinds = ", ".join(f"{printable(kind) or '-'} {count}" for kind, count in most)
        more = ", …" if len(result.ignored) > _MOST_KINDS else ""
        lines.append(session.count("add.ignored", sum(result.ignored.values()), kinds=kinds + more))
    if result.failed:
        lines.append(session.count("add.failed", len(result.failed)))
    return lines or [session.text("add.no_photos")]


def exit_code(result: AddResult) -> int:
    """Return the exit status that says it."""
    if result.interruption is not None:
        return ExitCode.UNREACHABLE
    if result.failed:
        return ExitCode.SOME_FAILED
    return ExitCode.OK if result.added or result.known or result.deleted else ExitCode.NOTHING_FOUND
