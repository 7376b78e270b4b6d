"""What commands for people share: their language, and errors as one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Language, Text, language_of_environment

__all__ = ["command_language", "complain", "errors_as_one_line", "say"]


def command_language() -> Language:
    """Return the language to speak, as the environment has it."""
    return language_of_environment(os.environ)


def say(text: Text) -> None:
    """Write one line."""
    click.echo(text.to(command_language()))


def complain(text: Text) -> None:
    """Write one line to standard error."""
    click.echo(text.to(command_language()), err=True)


@contextmanager
def errors_as_one_line() -> Iterator[None]:
    """End the program with status 1 and one line where the block fails in a way that a person can do something about."""
    try:
        yield
    except SoutuError as error:
        complain(error.text)
        sys.exit(1)
    except OSError as error:
        where = error.filename or "?"
        complain(
            Text(
                zh=f"无法读写 {where}：{error.strerror or error}",
                en=f"{where} cannot be read or written: {error.strerror or error}",
            )
        )
        sys.exit(1)
