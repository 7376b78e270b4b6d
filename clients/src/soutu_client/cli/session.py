"""What a command works with: texts, the client, the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.terminal import printable, terminal_width
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.console import Console

    from soutu_client.client import Client

__all__ = ["CommandError", "Connection", "Session"]

_WHOLE_ID = 32


class CommandError(Exception):
    """A command ends with one line for the person."""

    def __init__(self, message: str, *, code: ExitCode = ExitCode.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True)
class Connection:
    """What the command line says of the connection; None: what the environment says.

    Attributes:
        address: Of the search service.
        authority: File of the home's authority.
        token_file: File that holds the token; ``-``: standard input.
        timeout_seconds: How long a call may take.
    """

    address: str | None = None
    authority: Path | None = None
    token_file: Path | None = None
    timeout_seconds: float | None = None

    def or_else(self, before: Connection | None) -> Connection:
        """Return this, and where it says nothing what was said before the command's name."""
        if before is None:
            return self
        given = {each.name: getattr(self, each.name) or getattr(before, each.name) for each in fields(self)}
        return Connection(**given)

    def read_token(self) -> str | None:
        """Return what the token's file holds; None: no file was named.

        Raises:
            OSError: It cannot be read.
        """
        if self.token_file is None:
            return None
        if str(self.token_file) == "-":
            return sys.stdin.readline()
        return self.token_file.expanduser().read_text(encoding="utf-8", errors="replace")


class Session:
    """One run of a command. The client, and what is slow to load, is made when it is first used."""

    def __init__(self, texts: Texts, connection: Connection) -> None:
        self.texts = texts
        self.text = texts.text
        self.count = texts.count
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def client(self) -> Client:
        """The connection to the search service."""
        from soutu_client.client import Client  # noqa: PLC0415 - gRPC is slow to load

        given = self.connection
        return Client(
            given.address,
            token=given.read_token(),
            authority=given.authority,
            timeout_seconds=given.timeout_seconds or 30.0,
            language=self.texts.language,
        )

    @cached_property
    def out(self) -> Console:
        """Standard output, for what was asked for."""
        from soutu_client.cli.safe_console import SafeConsole  # noqa: PLC0415 - slow to load

        return SafeConsole(width=terminal_width(), highlight=False, emoji=False, markup=False)

    @cached_property
    def err(self) -> Console:
        """Standard error, for progress and remarks."""
        from soutu_client.cli.safe_console import SafeConsole  # noqa: PLC0415 - slow to load

        return SafeConsole(stderr=True, highlight=False, emoji=False, markup=False)

    def print(self, line: str) -> None:
        """Write a line to standard output, whatever is in it."""
        self.out.print(printable(line), soft_wrap=True)

    def print_lines(self, text: str) -> None:
        """Write lines of our own to standard output."""
        self.out.print(text, soft_wrap=True)

    def remark(self, line: str, *, style: str = "") -> None:
        """Write a line to standard error, whatever is in it."""
        self.err.print(printable(line), style=style, soft_wrap=True)

    def print_json(self, value: object) -> None:
        """Write a value as JSON."""
        from soutu_client.cli.json_values import json_text  # noqa: PLC0415

        sys.stdout.write(json_text(value) + "\n")

    def print_json_line(self, value: object) -> None:
        """Write a value as one line of JSON, at once, for a program that reads along."""
        from soutu_client.cli.json_values import json_text  # noqa: PLC0415

        sys.stdout.write(json_text(value, is_line=True) + "\n")
        sys.stdout.flush()

    def whole_ids(self, given: Sequence[str]) -> list[str]:
        """Return the whole ids for ids or their first digits.

        Raises:
            NotFoundError: There is no such photo.
            InvalidInputError: Several photos begin so.
        """
        given = [each.lower() for each in given]
        whole = [each for each in given if len(each) == _WHOLE_ID]
        known = {photo.photo_id for photo in self.client.photos(whole)} if whole else set()
        ids = [each if each in known else self.client.photo(each).photo_id for each in given]
        return list(dict.fromkeys(ids))
