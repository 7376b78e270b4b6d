"""``soutu doctor``: every connection, checked one by one, and what to do about each that fails."""

from __future__ import annotations

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.diagnosis import Check, diagnose
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [Option("--json", "as_json", is_flag=True, help=texts.text("option.json"))]
    return SoutuCommand("doctor", _run, texts, help_key="doctor.short", params=params)


def _run(session: Session, *, as_json: bool) -> int:
    checks: list[Check] = []
    for check in diagnose(session):
        checks.append(check)
        if not as_json:
            _print(session, check)
    problems = [check for check in checks if not check.is_ok]
    if as_json:
        session.print_json({"checks": checks, "problems": len(problems)})
    elif problems:
        session.print(session.count("doctor.problems", len(problems)))
    else:
        session.print(session.text("doctor.fine"))
    if any(check.is_unreachable for check in problems):
        return ExitCode.UNREACHABLE
    return ExitCode.ERROR if problems else ExitCode.OK


def _print(session: Session, check: Check) -> None:
    from rich.text import Text  # noqa: PLC0415 - slow to load

    mark, style = ("✓", "green") if check.is_ok else ("✗", "bold red")
    line = Text.assemble((mark, style), f" {check.name}: ", printable(check.finding))
    session.out.print(line, soft_wrap=True)
