"""What click finds wrong with a command line, in the chosen language."""

from __future__ import annotations

import click

from soutu_client.cli.texts import Texts

__all__ = ["BadValue", "WrongUsage", "describe_usage_error"]


class WrongUsage(click.UsageError):
    """A command line that is wrong, said in the chosen language already."""


class BadValue(click.BadParameter):
    """A value of an option that is wrong, said in the chosen language already."""


def describe_usage_error(error: click.UsageError, texts: Texts) -> str:
    """Return one line."""
    if isinstance(error, WrongUsage):
        return error.message
    if isinstance(error, click.NoSuchOption):
        message = texts.text("error.no_such_option", option=error.option_name)
        guesses = list(error.possibilities or ())
        return texts.text("error.perhaps", message=message, guesses=", ".join(guesses)) if guesses else message
    if isinstance(error, click.MissingParameter):
        return texts.text("error.missing", parameter=_name(error))
    if isinstance(error, BadValue):
        return texts.text("error.bad_value", parameter=_name(error), message=error.message)
    if isinstance(error, click.BadParameter):
        return texts.text("error.bad_value", parameter=_name(error), message=_type_problem(error, texts))
    if isinstance(error, click.BadOptionUsage):
        return texts.text("error.needs_value", option=error.option_name)
    return texts.text("error.usage", message=error.message)


def _name(error: click.BadParameter) -> str:
    if isinstance(error.param, click.Option):
        return "/".join(error.param.opts)
    return error.param.human_readable_name if error.param is not None else ""


def _type_problem(error: click.BadParameter, texts: Texts) -> str:
    kind = error.param.type if error.param is not None else None
    if isinstance(kind, click.Choice):
        return texts.text("error.not_a_choice", choices=", ".join(str(choice) for choice in kind.choices))
    if isinstance(kind, click.IntRange | click.FloatRange) and " is not in the range " in error.message:
        return texts.text("error.out_of_range")
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return texts.text("error.not_a_number")
    return error.message
