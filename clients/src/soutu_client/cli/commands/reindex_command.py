"""``soutu reindex``: take another model over while the present one serves, go back, and forget one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.library_models import Job

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("model", explanation=texts.text("reindex.model"), required=False, metavar="MODEL"),
        Option("--back", is_flag=True, help=texts.text("reindex.back")),
        Option("--forget", metavar="SPACE", help=texts.text("reindex.forget")),
        Option("--no-wait", is_flag=True, help=texts.text("option.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("reindex", _run, texts, help_key="reindex.help", params=params)


def _run(session: Session, *, model: str | None, back: bool, forget: str | None, no_wait: bool, as_json: bool) -> int:
    if sum((model is not None, back, forget is not None)) > 1:
        raise CommandError(session.text("reindex.one_thing"), code=ExitCode.USAGE)
    if back:
        return _go_back(session, as_json=as_json)
    if forget is not None:
        return _forget(session, forget, as_json=as_json)
    return _fill(session, model, no_wait=no_wait, as_json=as_json)


def _fill(session: Session, model: str | None, *, no_wait: bool, as_json: bool) -> int:
    from soutu_client.cli.job_watch import watch_job  # noqa: PLC0415
    from soutu_client.library_models import JobState  # noqa: PLC0415

    job = session.client.start_reindex("" if model is None else _space_id(session, model))
    if not no_wait:
        job = watch_job(session, job, description=session.text("reindex.running"))
    if as_json:
        session.print_json(job)
    elif no_wait:
        session.print(session.text("sync.started", job=job.job_id))
    else:
        _conclude(session, job)
    return ExitCode.ERROR if job.state is JobState.FAILED else ExitCode.OK


def _conclude(session: Session, job: Job) -> None:
    from soutu_client.cli.job_watch import print_end  # noqa: PLC0415
    from soutu_client.library_models import JobState  # noqa: PLC0415

    if job.state is JobState.SUCCEEDED:
        session.print(session.text("reindex.done", photos=f"{job.photos_done:,}", message=printable(job.message)))
    else:
        print_end(session, job)


def _go_back(session: Session, *, as_json: bool) -> int:
    space = session.client.switch_space()
    if as_json:
        session.print_json(space)
        return ExitCode.OK
    session.print(session.text("reindex.went_back", model=printable(space.model), photos=f"{space.photos:,}"))
    waiting = session.client.status().photos_pending
    if waiting:
        session.remark(session.count("reindex.waiting" if space.available else "reindex.waiting_in_vain", waiting))
    return ExitCode.OK


def _forget(session: Session, given: str, *, as_json: bool) -> int:
    space_id = _space_id(session, given)
    photos = session.client.delete_space(space_id)
    if as_json:
        session.print_json({"space_id": space_id, "photos": photos})
    else:
        session.print(session.count("reindex.forgotten", photos))
    return ExitCode.OK


def _space_id(session: Session, given: str) -> str:
    """Return the space that is meant by its id, the first digits of it, or its model's name."""
    spaces = session.client.status().spaces
    found = [space.space_id for space in spaces if space.model == given] or [
        space.space_id for space in spaces if space.space_id.startswith(given.lower())
    ]
    if len(found) > 1:
        raise CommandError(session.text("reindex.ambiguous", given=given), code=ExitCode.USAGE)
    if not found:
        raise CommandError(session.text("reindex.unknown", given=given), code=ExitCode.NOTHING_FOUND)
    return found[0]
