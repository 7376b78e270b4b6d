"""``soutu completion``: the script that teaches a shell to complete soutu's commands."""

from __future__ import annotations

import os
from pathlib import PurePath

import click
from click.shell_completion import get_completion_class

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM, _VARIABLE = "soutu", "_SOUTU_COMPLETE"  # click looks for the variable at each start


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument(
            "shell", explanation=texts.text("completion.shell"), type=click.Choice(_SHELLS), required=False, metavar="SHELL"
        ),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("completion", _run, texts, help_key="completion.help", params=params)


def _run(session: Session, *, shell: str | None, as_json: bool) -> int:
    shell = shell or PurePath(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell) if shell in _SHELLS else None
    if kind is None:
        raise CommandError(session.text("completion.which_shell"), code=ExitCode.USAGE)
    writer = kind(click.get_current_context().command, {}, _PROGRAM, _VARIABLE)
    script = (writer.source_template % writer.source_vars()).strip()
    use = session.text(f"completion.{shell}")
    if as_json:
        session.print_json({"shell": shell, "script": script, "use": use})
    else:
        click.echo(f"{script}\n\n# {use}")
    return ExitCode.OK
