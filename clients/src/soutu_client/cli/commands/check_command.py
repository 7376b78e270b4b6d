"""``soutu check``: whether all parts of the library agree, and mending what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.table import Table

    from soutu_client.library_models import Job

__all__ = ["build"]

_SHOWN_EXAMPLES = 3


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Option("--repair", is_flag=True, help=texts.text("check.repair")),
        Option("--contents", is_flag=True, help=texts.text("check.contents")),
        Option("--no-wait", is_flag=True, help=texts.text("option.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("check", _run, texts, help_key="check.short", params=params)


def _run(session: Session, *, repair: bool, contents: bool, no_wait: bool, as_json: bool) -> int:
    from soutu_client.library_models import JobState  # noqa: PLC0415

    job = session.client.start_check(repair=repair, read_contents=contents)
    if no_wait:
        if not as_json:
            session.print(session.text("sync.started", job=job.job_id))
    else:
        job = _watch(session, job)
    if as_json:
        session.print_json(job)
    elif not no_wait:
        _conclude(session, job, is_repaired=repair)
    is_left = any(found.count > found.repaired for found in job.findings)
    return ExitCode.ERROR if job.state is JobState.FAILED or is_left else ExitCode.OK


def _watch(session: Session, job: Job) -> Job:
    from soutu_client.cli.progress_bar import ProgressBar  # noqa: PLC0415 - rich is slow to load
    from soutu_client.library_models import JobState  # noqa: PLC0415

    try:
        with ProgressBar(session, session.text("check.running")) as bar:
            for now in session.client.watch_job(job.job_id):
                job = now
                bar.show(job.photos_done, job.photos_total, work_done=job.photos_done, work_total=job.photos_total)
                if job.state is JobState.PAUSED:
                    break
    except KeyboardInterrupt:
        raise CommandError(session.text("check.interrupted", job=job.job_id), code=ExitCode.INTERRUPTED) from None
    return job


def _conclude(session: Session, job: Job, *, is_repaired: bool) -> None:
    from soutu_client.library_models import JobState  # noqa: PLC0415

    if job.state is JobState.PAUSED:
        session.print(session.text("sync.paused", job=job.job_id))
        return
    if job.findings:
        session.out.print(_table(session, job))
    if job.state is JobState.SUCCEEDED:
        session.print(printable(job.message))
        if not is_repaired and job.findings:
            session.remark(session.text("check.hint"))
    else:
        state = session.text(f"job_state.{job.state.value.lower()}")
        session.print(session.text("sync.ended", state=state, message=printable(job.message)).rstrip())


def _table(session: Session, job: Job) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in ("found", "mended"):
        table.add_column(session.text(f"column.{key}"), justify="right", no_wrap=True)
    table.add_column(session.text("column.what"))
    for finding in job.findings:
        cell = Text(printable(finding.message))
        shown = [printable(example) for example in finding.examples[:_SHOWN_EXAMPLES]]
        more = "…" if finding.count > len(shown) else ""
        cell.append(f"\n{'  '.join(shown)} {more}".rstrip(), style="dim")
        is_left = finding.repaired < finding.count
        table.add_row(f"{finding.count:,}", Text(f"{finding.repaired:,}", style="yellow" if is_left else "green"), cell)
    return table
