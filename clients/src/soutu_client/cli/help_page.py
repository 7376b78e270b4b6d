"""Help pages: like click's own, but in the chosen language and aware that Chinese characters are two columns wide."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from soutu_client.cli.command import section_rows
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.terminal import terminal_width
from soutu_client.cli.texts import Texts

__all__ = ["command_page", "group_page"]

_SECTIONS = ("help.arguments", "help.options", "help.filters", "help.connection")
_MOST_COLUMNS = 100


def command_page(command: click.Command, ctx: click.Context, texts: Texts) -> str:
    """Return the help of one command."""
    usage = [ctx.command_path, f"[{texts.text('help.options')}]"]
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Argument):
            name = parameter.human_readable_name
            more = "…" if parameter.nargs == -1 else ""
            usage.append(f"{name}{more}" if parameter.required else f"[{name}{more}]")
    console = _paper()
    _write_head(console, texts, usage=" ".join(usage), what=command.help or "")
    _write_sections(console, command, ctx, texts)
    return _text_of(console)


def group_page(group: click.Group, ctx: click.Context, texts: Texts, *, commands: Iterable[tuple[str, str]]) -> str:
    """Return the help of ``soutu`` itself: its commands and their purposes, options, exit codes."""
    console = _paper()
    usage = f"{ctx.command_path} [{texts.text('help.options')}] {texts.text('help.command')} …"
    _write_head(console, texts, usage=usage, what=group.help or "")
    _write_rows(console, texts.text("help.commands"), commands)
    _write_sections(console, group, ctx, texts)
    codes = [(str(code.value), texts.text(f"exit.{code.name.lower()}")) for code in ExitCode]
    _write_rows(console, texts.text("help.exit_codes"), codes)
    console.print(Text(texts.text("help.environment")))
    console.print(Text(texts.text("help.more")))
    return _text_of(console)


def _paper() -> Console:
    """Return a console that writes into memory; click removes the colours where the output takes none."""
    width = min(terminal_width(), _MOST_COLUMNS)
    return Console(file=StringIO(), width=width, force_terminal=True, color_system="standard", highlight=False)


def _text_of(console: Console) -> str:
    file = console.file
    lines = file.getvalue().splitlines() if isinstance(file, StringIO) else []
    return "\n".join(line.rstrip() for line in lines).rstrip()


def _write_head(console: Console, texts: Texts, *, usage: str, what: str) -> None:
    console.print(Text.assemble((f"{texts.text('help.usage')}: ", "bold"), usage))
    console.print()
    console.print(Padding(Text(what), (0, 0, 1, 2), expand=False))


def _write_sections(console: Console, command: click.Command, ctx: click.Context, texts: Texts) -> None:
    rows = section_rows(command, ctx)
    for section in _SECTIONS:
        if section in rows:
            _write_rows(console, texts.text(section), rows[section])


def _write_rows(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(max_width=34)
    table.add_column(ratio=1)
    for name, explanation in rows:
        table.add_row(Text(name, style="cyan"), Text(explanation))
    console.print(Text(title, style="bold"))
    console.print(Padding(table, (0, 0, 1, 2), expand=False))
