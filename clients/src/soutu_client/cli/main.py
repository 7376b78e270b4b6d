"""The program ``soutu``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from soutu_client._errors import NotTrustedError, SoutuError, UnavailableError
from soutu_client._os_errors import describe_os_error
from soutu_client.cli.complaint import Complaint
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.group import SoutuGroup
from soutu_client.cli.session import CommandError
from soutu_client.cli.terminal import prepare_streams, printable
from soutu_client.cli.texts import Texts, language_asked_for
from soutu_client.cli.usage_errors import describe_usage_error

__all__ = ["main", "run"]

_DEBUG_VARIABLE = "SOUTU_DEBUG"
_GRPC_VARIABLE = "GRPC_VERBOSITY"
_UNFORESEEN = "PROGRAM_ERROR"


def main() -> None:
    """Run the program and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Whatever goes wrong is one line on standard error."""
    prepare_streams()
    os.environ.setdefault(_GRPC_VARIABLE, "ERROR")  # or its own remarks on handshakes would stand beside the one line
    texts = Texts(language_asked_for(arguments, os.environ))
    try:
        code = SoutuGroup(texts).main(list(arguments), prog_name="soutu", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.OK
    except Exception as error:
        complaint = _complaint(error, texts)
        if complaint.reason == _UNFORESEEN and os.environ.get(_DEBUG_VARIABLE):
            raise
        complaint.write(texts, as_json=is_json_asked_for(arguments))
        return complaint.code


def is_json_asked_for(arguments: Sequence[str]) -> bool:
    """Whether ``--json`` stands anywhere on the command line: errors that are found before it is understood are told so too."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _complaint(error: Exception, texts: Texts) -> Complaint:
    """Return what a person is told of an error."""
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "soutu"
            return Complaint(describe_usage_error(error, texts), code=ExitCode.USAGE, reason="USAGE", command=command)
        case click.Abort():
            return Complaint(texts.text("error.interrupted"), code=ExitCode.INTERRUPTED, reason="INTERRUPTED")
        case CommandError():
            return Complaint(error.message, code=error.code, reason=error.code.name)
        case SoutuError():
            is_unreachable = isinstance(error, UnavailableError | NotTrustedError)
            code = ExitCode.UNREACHABLE if is_unreachable else ExitCode.ERROR
            return Complaint(error.message, code=code, reason=error.reason)
        case OSError():
            message = describe_os_error(error, texts.language)
            path = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
            message = texts.text("error.file", path=path, message=message) if path else message
            return Complaint(message, code=ExitCode.ERROR, reason="FILE")
        case UnicodeEncodeError():  # a word of the command line that is no text in any encoding
            message = texts.text("error.not_text", text=printable(str(error.object)))
            return Complaint(message, code=ExitCode.USAGE, reason="USAGE")
        case _:
            return Complaint(texts.text("error.internal", kind=type(error).__name__), code=ExitCode.ERROR, reason=_UNFORESEEN)
