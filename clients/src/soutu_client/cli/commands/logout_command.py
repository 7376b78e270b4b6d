"""``soutu logout``: forget what ``soutu login`` keeps."""

from __future__ import annotations

import os

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [Option("--json", "as_json", is_flag=True, help=texts.text("option.json"))]
    return SoutuCommand("logout", _run, texts, help_key="logout.short", params=params)


def _run(session: Session, *, as_json: bool) -> int:
    from soutu_client._errors import InvalidInputError  # noqa: PLC0415
    from soutu_client._saved_login import forget_login, saved_login  # noqa: PLC0415

    address = ""
    try:
        login = saved_login(os.environ, session.texts.language)
        address = login.address if login else ""
    except InvalidInputError:
        pass  # what cannot be understood is removed all the same
    was_there = forget_login()
    if as_json:
        session.print_json({"address": address, "removed": was_there})
    elif was_there:
        session.print(session.text("logout.done", address=address))
    else:
        session.remark(session.text("logout.nothing"))
    return ExitCode.OK
