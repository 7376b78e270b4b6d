"""The group ``soutu``: a command's module is loaded when the command is called for."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from soutu_client.cli.command import connection_options
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Connection, Session
from soutu_client.cli.texts import Texts
from soutu_client.cli.usage_errors import WrongUsage

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "SoutuGroup"]

COMMANDS = (
    "add",
    "import",
    "watch",
    "search",
    "similar",
    "show",
    "open",
    "list",
    "annotate",
    "delete",
    "undelete",
    "sync",
    "reindex",
    "check",
    "jobs",
    "backup",
    "restore",
    "status",
    "duplicates",
    "feedback",
    "login",
    "logout",
    "tokens",
    "doctor",
    "completion",
)
"""Names of the commands, in the order of the help. Each is built by ``commands/NAME_command.py``."""


class SoutuGroup(click.Group):
    """All commands, in a language."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(
            "soutu",
            help=texts.text("help.soutu"),
            params=[*connection_options(texts), _version_option(texts)],
            callback=self._start,
            invoke_without_command=True,
        )
        self.texts = texts

    def _start(self, **connection: Any) -> None:
        """Keep what is said of the connection; without a command, search at the terminal, or else print the help."""
        ctx = click.get_current_context()
        ctx.obj = Connection(**connection)
        if ctx.invoked_subcommand is not None:
            return
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            click.echo(self.get_help(ctx))
            ctx.exit(ExitCode.USAGE)
        from soutu_client.cli.interactive import search_at_terminal  # noqa: PLC0415 - most runs need none

        with Session(self.texts, ctx.obj) as session:
            code = search_at_terminal(session)
        ctx.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and build a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"soutu_client.cli.commands.{cmd_name}_command")
        command: click.Command = module.build(self.texts)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and guess what was meant if there is none."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        message = self.texts.text("error.no_such_command", command=name)
        guesses = ", ".join(get_close_matches(name, COMMANDS))
        raise WrongUsage(self.texts.text("error.perhaps", message=message, guesses=guesses) if guesses else message, ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what may stand next, without loading the commands to learn what they are for."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - most runs complete nothing

        names = (name for name in COMMANDS if name.startswith(incomplete))
        return [CompletionItem(name, help=self.texts.text(f"{name}.short")) for name in names]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help``, explained in the chosen language."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = self.texts.text("help.help")
        return option

    def get_help(self, ctx: click.Context) -> str:
        """Return the help page."""
        from soutu_client.cli.help_page import group_page  # noqa: PLC0415 - rich is slow to load

        commands = [(name, self.texts.text(f"{name}.short")) for name in COMMANDS]
        return group_page(self, ctx, self.texts, commands=commands)


def _version_option(texts: Texts) -> click.Parameter:
    def show(ctx: click.Context, _: click.Parameter, is_asked: Any) -> None:
        if is_asked:
            from soutu_client.cli.version import client_version  # noqa: PLC0415

            click.echo(f"soutu {client_version()}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help=texts.text("help.version"),
    )
