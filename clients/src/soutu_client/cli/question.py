"""A question to the person at the terminal."""

from __future__ import annotations

import sys

import click

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session

__all__ = ["is_agreed"]


def is_agreed(session: Session, question: str) -> bool:
    """Ask on the terminal; no answer is a no.

    Raises:
        CommandError: Nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise CommandError(session.text("ask.cannot"), code=ExitCode.USAGE)
    click.echo(session.text("ask.choices", question=question), nl=False, err=True)
    is_yes = sys.stdin.readline().strip().lower() in ("y", "yes", "是", "好", "对")
    if not is_yes:
        session.remark(session.text("ask.kept"))
    return is_yes
