"""Watching a job in a terminal until it is over or paused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable

if TYPE_CHECKING:
    from soutu_client.library_models import Job

__all__ = ["print_end", "watch_job"]


def watch_job(session: Session, job: Job, *, description: str, now: Callable[[Job], str] = lambda _: "") -> Job:
    """Show how far a job is, with its rate and time left, until it is over or paused.

    Args:
        session: The session.
        job: The job as it was last seen.
        description: What it does.
        now: Tells what it does now, where that is not always the same.

    Returns:
        The job as it is then.

    Raises:
        CommandError: The person waits no more (Ctrl-C); the job goes on.
    """
    from soutu_client.cli.progress_bar import ProgressBar  # noqa: PLC0415 - rich is slow to load
    from soutu_client.library_models import JobState  # noqa: PLC0415

    try:
        with ProgressBar(session, description) as bar:
            for seen in session.client.watch_job(job.job_id):
                job = seen
                bar.show(
                    job.photos_done,
                    job.photos_total,
                    work_done=job.photos_done,
                    work_total=job.photos_total,
                    waiting="" if job.state.is_over else job.message,
                    now=now(job),
                )
                if job.state is JobState.PAUSED:
                    break
    except KeyboardInterrupt:
        raise CommandError(session.text("sync.interrupted", job=job.job_id), code=ExitCode.INTERRUPTED) from None
    return job


def print_end(session: Session, job: Job) -> None:
    """Say that a job is paused, or how it ended otherwise than by success."""
    from soutu_client.library_models import JobState  # noqa: PLC0415

    if job.state is JobState.PAUSED:
        session.print(session.text("sync.paused", job=job.job_id))
    else:
        state = session.text(f"job_state.{job.state.value.lower()}")
        session.print(session.text("sync.ended", state=state, message=printable(job.message)).rstrip())
