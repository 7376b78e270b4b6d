"""``soutu sync``: read what is new or changed in the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.library_models import Job

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("sources", explanation=texts.text("sync.sources"), nargs=-1, metavar="SOURCE"),
        Option("--confirm-gone", is_flag=True, help=texts.text("sync.confirm_gone")),
        Option("--no-wait", is_flag=True, help=texts.text("option.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("sync", _run, texts, help_key="sync.short", params=params)


def _run(session: Session, *, sources: tuple[str, ...], confirm_gone: bool, no_wait: bool, as_json: bool) -> int:
    from soutu_client.cli.job_watch import watch_job  # noqa: PLC0415
    from soutu_client.library_models import JobState  # noqa: PLC0415

    job = session.client.start_sync(sources, confirm_gone=confirm_gone)
    if no_wait:
        if not as_json:
            session.print(session.text("sync.started", job=job.job_id))
    else:
        job = watch_job(
            session,
            job,
            description=session.text("sync.running"),
            now=lambda now: session.count("sync.seen", now.objects_seen),
        )
    if as_json:
        session.print_json(job)
    elif not no_wait:
        _conclude(session, job)
    return ExitCode.ERROR if job.state is JobState.FAILED else ExitCode.OK


def _conclude(session: Session, job: Job) -> None:
    from soutu_client.cli.job_watch import print_end  # noqa: PLC0415
    from soutu_client.library_models import JobState  # noqa: PLC0415

    if job.state is JobState.SUCCEEDED:
        session.print(
            session.text(
                "sync.done",
                objects=f"{job.objects_seen:,}",
                photos=f"{job.photos_done:,}",
                unreadable=f"{job.photos_unreadable:,}",
            )
        )
        if job.message:
            session.remark(printable(job.message))
    else:
        print_end(session, job)
