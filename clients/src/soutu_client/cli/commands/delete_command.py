"""``soutu delete``: photos to the recycle place, back from it, or gone for good."""

from __future__ import annotations

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.commands.undelete_command import undelete
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.question import is_agreed
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("photo_ids", explanation=texts.text("argument.photo_ids"), nargs=-1, metavar="PHOTO_ID"),
        Option("--yes", "is_sure", is_flag=True, help=texts.text("option.yes")),
        Option("--undo", is_flag=True, help=texts.text("delete.undo")),
        Option("--purge", is_flag=True, help=texts.text("delete.purge")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("delete", _run, texts, help_key="delete.help", params=params)


def _run(session: Session, *, photo_ids: tuple[str, ...], is_sure: bool, undo: bool, purge: bool, as_json: bool) -> int:
    if undo and purge:
        raise CommandError(session.text("error.undo_and_purge"), code=ExitCode.USAGE)
    if not photo_ids and not purge:
        raise CommandError(session.text("error.no_ids"), code=ExitCode.USAGE)
    if undo:
        return undelete(session, photo_ids=photo_ids, as_json=as_json)
    if purge:
        return _purge(session, photo_ids, is_sure=is_sure, as_json=as_json)
    ids = session.whole_ids(photo_ids)
    _show(session, ids, is_asked=not is_sure)
    if not is_sure and not is_agreed(session, session.count("delete.ask", len(ids))):
        return ExitCode.OK
    deleted = session.client.delete(ids)
    if as_json:
        session.print_json({"deleted": deleted})
    elif deleted:
        example = " ".join(photo_id[:8] for photo_id in deleted[:3]) + (" …" if len(deleted) > 3 else "")
        session.print(session.count("delete.done", len(deleted), example=example))
    return ExitCode.OK if deleted else ExitCode.NOTHING_FOUND


def _purge(session: Session, photo_ids: tuple[str, ...], *, is_sure: bool, as_json: bool) -> int:
    ids = session.whole_ids(photo_ids)
    number = len(ids) or session.client.status().photos_deleted
    if not number:
        session.remark(session.text("delete.nothing"))
        return ExitCode.NOTHING_FOUND
    _show(session, ids, is_asked=not is_sure)
    if not is_sure and not is_agreed(session, session.count("delete.purge_ask", number)):
        return ExitCode.OK
    purged = session.client.purge(ids) if ids else session.client.purge_all()
    if as_json:
        session.print_json({"purged": purged})
    else:
        session.print(session.count("delete.purge_done", purged))
    return ExitCode.OK if purged else ExitCode.NOTHING_FOUND


def _show(session: Session, ids: list[str], *, is_asked: bool) -> None:
    """Show what a question is about."""
    if is_asked and ids:
        from soutu_client.cli.photo_tables import photo_table  # noqa: PLC0415 - rich is slow to load

        session.err.print(photo_table(session.client.photos(ids), session.texts))
