"""Commands whose help is in the chosen language and which run with a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from soutu_client.cli.session import Connection, Session
from soutu_client.cli.texts import Texts

__all__ = ["Argument", "Option", "SoutuCommand", "connection_options"]


class Option(click.Option):
    """An option that knows the section of the help it stands in."""

    def __init__(self, *declarations: str, section: str = "help.options", **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.section = section


class Argument(click.Argument):
    """An argument that is explained in the help."""

    def __init__(self, declaration: str, *, explanation: str, **attributes: Any) -> None:
        super().__init__([declaration], **attributes)
        self.explanation = explanation


def connection_options(texts: Texts) -> list[click.Parameter]:
    """Return the options that every command has."""
    return [
        Option("--address", metavar="HOST:PORT", section="help.connection", help=texts.text("option.address")),
        Option(
            "--authority",
            "--ca",
            type=click.Path(path_type=Path),
            metavar="FILE",
            section="help.connection",
            help=texts.text("option.authority"),
        ),
        Option(
            "--token-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            section="help.connection",
            help=texts.text("option.token_file"),
        ),
        Option(
            "--timeout",
            "timeout_seconds",
            type=click.FloatRange(min=0.1),
            metavar="SECONDS",
            section="help.connection",
            help=texts.text("option.timeout"),
        ),
        Option(
            "--language",
            type=click.Choice(["zh", "en"]),
            metavar="zh|en",
            section="help.connection",
            expose_value=False,  # found before the command line is read
            help=texts.text("option.language"),
        ),
    ]


class SoutuCommand(click.Command):
    """A command that runs ``run(session, **parameters)`` and exits with what it returns."""

    def __init__(
        self,
        name: str,
        run: Callable[..., int],
        texts: Texts,
        *,
        help_key: str,
        params: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(name, help=texts.text(help_key), params=[*params, *connection_options(texts)], callback=self._run)
        self.texts = texts
        self._body = run

    def _run(self, **values: Any) -> None:
        context = click.get_current_context()
        given = Connection(**{each.name: values.pop(each.name) for each in fields(Connection)})
        with Session(self.texts, given.or_else(context.find_object(Connection))) as session:
            code = self._body(session, **values)
        context.exit(code)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help``, explained in the chosen language."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = self.texts.text("help.help")
        return option

    def get_help(self, ctx: click.Context) -> str:
        """Return the help page."""
        from soutu_client.cli.help_page import command_page  # noqa: PLC0415 - rich is slow to load

        return command_page(self, ctx, self.texts)


def section_rows(command: click.Command, ctx: click.Context) -> Mapping[str, list[tuple[str, str]]]:
    """Return what the help says of each parameter, by section, in order."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        if isinstance(parameter, Argument):
            rows.setdefault("help.arguments", []).append((parameter.human_readable_name, parameter.explanation))
        elif isinstance(parameter, click.Option):
            section = parameter.section if isinstance(parameter, Option) else "help.options"
            names = (
                "/".join([*parameter.opts, *parameter.secondary_opts]) if parameter.secondary_opts else ", ".join(parameter.opts)
            )
            value = f" {parameter.metavar}" if parameter.metavar else ""
            rows.setdefault(section, []).append((names + value, parameter.help or ""))
    return rows
