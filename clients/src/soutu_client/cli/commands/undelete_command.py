"""``soutu undelete``: deleted photos back under their old names."""

from __future__ import annotations

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts

__all__ = ["build", "undelete"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("photo_ids", explanation=texts.text("argument.photo_ids"), nargs=-1, required=True, metavar="PHOTO_ID"),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("undelete", undelete, texts, help_key="undelete.short", params=params)


def undelete(session: Session, *, photo_ids: tuple[str, ...], as_json: bool) -> int:
    """Bring photos back and say how many."""
    back = session.client.undelete(session.whole_ids(photo_ids))
    if as_json:
        session.print_json({"undeleted": back})
    elif back:
        session.print(session.count("undelete.done", len(back)))
    else:
        session.remark(session.text("delete.nothing"))
    return ExitCode.OK if back else ExitCode.NOTHING_FOUND
