"""``soutu jobs``: long work, and how to pause, resume and cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.table import Table

    from soutu_client.library_models import Job

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument(
            "action",
            explanation=texts.text("jobs.action"),
            type=click.Choice(["list", "pause", "resume", "cancel"]),
            default="list",
            required=False,
            metavar="ACTION",
        ),
        Argument("job_id", explanation=texts.text("jobs.job_id"), required=False),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("jobs", _run, texts, help_key="jobs.short", params=params)


def _run(session: Session, *, action: str, job_id: str | None, as_json: bool) -> int:
    if action == "list":
        return _list(session, as_json=as_json)
    change = {
        "pause": session.client.pause_job,
        "resume": session.client.resume_job,
        "cancel": session.client.cancel_job,
    }[action]
    job = change(job_id or _only_job(session))
    if as_json:
        session.print_json(job)
    else:
        state = session.text(f"job_state.{job.state.value.lower()}")
        session.print(session.text("jobs.changed", job=job.job_id, state=state))
    return ExitCode.OK


def _list(session: Session, *, as_json: bool) -> int:
    jobs = session.client.jobs().jobs
    if as_json:
        session.print_json(jobs)
    elif jobs:
        session.out.print(_table(session, jobs))
    else:
        session.remark(session.text("jobs.nothing"))
    return ExitCode.OK if jobs else ExitCode.NOTHING_FOUND


def _only_job(session: Session) -> str:
    """Return the id of the one job that is not over."""
    jobs = [job for job in session.client.jobs().jobs if not job.state.is_over]
    if not jobs:
        raise CommandError(session.text("jobs.none_active"), code=ExitCode.NOTHING_FOUND)
    if len(jobs) > 1:
        raise CommandError(session.count("error.which_job", len(jobs)), code=ExitCode.USAGE)
    return jobs[0].job_id


def _table(session: Session, jobs: tuple[Job, ...]) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from soutu_client.cli.cells import moment  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in ("job", "state", "progress", "started", "message"):
        table.add_column(session.text(f"column.{key}"), no_wrap=key != "message")
    for job in jobs:
        table.add_row(
            Text(f"{session.text(f'job.{job.kind.value.lower()}')} {printable(job.job_id)}"),
            Text(session.text(f"job_state.{job.state.value.lower()}")),
            Text(f"{job.photos_done:,}/{job.photos_total:,}"),
            Text("" if job.started_at is None else moment(job.started_at)),
            Text(printable(job.message)),
        )
    return table
