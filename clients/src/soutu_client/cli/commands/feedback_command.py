"""``soutu feedback``: the record of what is done with what is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.table import Table

    from soutu_client._feedback import Feedback
    from soutu_client.feedback_models import FeedbackRecord
    from soutu_client.models import Term

__all__ = ["asked_text", "build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument(
            "action",
            explanation=texts.text("feedback.action"),
            type=click.Choice(["on", "off", "status", "show", "clear", "not"]),
            default="status",
            required=False,
            metavar="ACTION",
        ),
        Argument("rank", explanation=texts.text("feedback.rank"), type=click.IntRange(min=1), required=False),
        Option("--yes", "is_agreed_before", is_flag=True, help=texts.text("option.yes")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("feedback", _run, texts, help_key="feedback.help", params=params)


def _run(session: Session, *, action: str, rank: int | None, is_agreed_before: bool, as_json: bool) -> int:
    from soutu_client._feedback import Feedback  # noqa: PLC0415 - the help needs none

    feedback = Feedback.of_user()
    if action in ("on", "off"):
        return _turn(session, feedback, is_on=action == "on", as_json=as_json)
    if action == "not":
        return _not_this(session, feedback, rank, as_json=as_json)
    record = feedback.read()
    if record.broken_lines:
        session.remark(session.count("feedback.broken", record.broken_lines), style="yellow")
    if action == "status":
        return _tell(session, feedback, as_json=as_json)
    if action == "show":
        return _show(session, record, as_json=as_json)
    return _clear(session, feedback, len(record.uses), is_agreed_before=is_agreed_before, as_json=as_json)


def _turn(session: Session, feedback: Feedback, *, is_on: bool, as_json: bool) -> int:
    from soutu_client.cli.last_hits import forget_question  # noqa: PLC0415

    feedback.turn(is_on=is_on)
    if not is_on:
        forget_question()
    if as_json:
        session.print_json(feedback.status())
    else:
        session.print(session.text("feedback.on", path=feedback.path) if is_on else session.text("feedback.off"))
    return ExitCode.OK


def _tell(session: Session, feedback: Feedback, *, as_json: bool) -> int:
    from soutu_client.cli.cells import size_text  # noqa: PLC0415 - rich is slow to load

    status = feedback.status()
    if as_json:
        session.print_json(status)
    else:
        state = session.text("feedback.is_on" if status.is_on else "feedback.is_off")
        size = size_text(status.size_bytes)
        session.print(session.count("feedback.status", status.uses, state=state, size=size, path=status.path))
    return ExitCode.OK


def _show(session: Session, record: FeedbackRecord, *, as_json: bool) -> int:
    from soutu_client._use_line import terms_as_values  # noqa: PLC0415

    if as_json:
        lines = [{**vars(use), "terms": terms_as_values(use.terms)} for use in record.uses]
        session.print_json(lines)
    elif record.uses:
        session.out.print(_table(session, record))
    else:
        session.remark(session.text("feedback.nothing"))
    return ExitCode.OK if record.uses else ExitCode.NOTHING_FOUND


def _clear(session: Session, feedback: Feedback, uses: int, *, is_agreed_before: bool, as_json: bool) -> int:
    from soutu_client.cli.last_hits import forget_question  # noqa: PLC0415
    from soutu_client.cli.question import is_agreed  # noqa: PLC0415

    if not is_agreed_before and uses and not is_agreed(session, session.count("feedback.clear_question", uses)):
        return ExitCode.OK
    cleared = feedback.clear()
    forget_question()
    if as_json:
        session.print_json({"cleared": cleared})
    else:
        session.print(session.count("feedback.cleared", cleared))
    return ExitCode.OK


def _not_this(session: Session, feedback: Feedback, rank: int | None, *, as_json: bool) -> int:
    from soutu_client.cli.deeds import note_deed  # noqa: PLC0415
    from soutu_client.cli.last_hits import last_question  # noqa: PLC0415
    from soutu_client.cli.ranks import photo_of_rank  # noqa: PLC0415
    from soutu_client.feedback_models import Deed  # noqa: PLC0415

    if rank is None:
        raise CommandError(session.text("feedback.which"), code=ExitCode.USAGE)
    if not feedback.is_on:
        raise CommandError(session.text("feedback.must_be_on"), code=ExitCode.USAGE)
    photo_id = photo_of_rank(session, rank)
    terms = last_question(session.client.address)
    if not terms:
        raise CommandError(session.text("feedback.no_question"), code=ExitCode.USAGE)
    if not note_deed(session, Deed.NOT_THIS, terms=terms, photo_id=photo_id, rank=rank):
        raise CommandError(session.text("feedback.guest"))
    if as_json:
        session.print_json({"photo_id": photo_id, "rank": rank, "did": Deed.NOT_THIS})
    else:
        session.print(session.text("feedback.not_done", rank=rank, text=asked_text(session, terms)))
    return ExitCode.OK


def asked_text(session: Session, terms: tuple[Term, ...]) -> str:
    """Return what was asked as a person would write it."""
    from soutu_client.models import PhotoTerm, TextTerm  # noqa: PLC0415

    parts = []
    for term in terms:
        match term:
            case TextTerm():
                said = term.text
            case PhotoTerm():
                said = f"≈ {term.photo_id[:8]}"
            case _:
                said = session.text("feedback.picture")
        parts.append(f"- {said}" if term.weight < 0 else said)
    return "  ".join(parts)


def _table(session: Session, record: FeedbackRecord) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from soutu_client.cli.cells import moment, short_id  # noqa: PLC0415
    from soutu_client.cli.terminal import printable  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in ("when", "done", "rank", "photo_id", "asked"):
        table.add_column(session.text(f"column.{key}"), no_wrap=key != "asked")
    for use in record.uses:
        table.add_row(
            Text("" if use.at is None else moment(use.at)),
            Text(session.text(f"feedback.did_{use.did.value}")),
            Text(str(use.rank)),
            short_id(use.photo_id),
            Text(printable(asked_text(session, use.terms))),
        )
    return table
