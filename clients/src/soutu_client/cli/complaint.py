"""What a command that did not work says: a line for people, or JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

__all__ = ["Complaint"]


@dataclass(frozen=True)
class Complaint:
    """Why a command ends.

    Attributes:
        message: For people.
        code: Exit status.
        reason: For programs, upper case with underscores; the service's own where the error is the service's.
        command: Whose help would tell more; empty: none.
    """

    message: str
    code: ExitCode
    reason: str
    command: str = ""

    def write(self, texts: Texts, *, as_json: bool) -> None:
        """Write it to standard error: a line in the person's language, or as JSON a line with ``error`` in it."""
        message = printable(" ".join(self.message.split()))
        if as_json:
            error = {"code": int(self.code), "reason": self.reason, "message": message}
            click.echo(json.dumps({"error": error}, ensure_ascii=False), err=True)
            return
        is_wish = self.code is ExitCode.INTERRUPTED
        click.echo(message if is_wish else texts.text("error.line", message=message), err=True)
        if self.command:
            click.echo(texts.text("error.try_help", command=self.command), err=True)
