"""The program ``soutu``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from soutu_client._errors import NotTrustedError, SoutuError, UnavailableError
from soutu_client._os_errors import describe_os_error
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.group import SoutuGroup
from soutu_client.cli.session import CommandError
from soutu_client.cli.terminal import prepare_streams, printable
from soutu_client.cli.texts import Texts, language_asked_for
from soutu_client.cli.usage_errors import describe_usage_error

__all__ = ["main", "run"]

_DEBUG_VARIABLE = "SOUTU_DEBUG"
_GRPC_VARIABLE = "GRPC_VERBOSITY"


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
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return ExitCode.USAGE
    except click.UsageError as error:
        _complain(texts, describe_usage_error(error, texts))
        command = error.ctx.command_path if error.ctx else "soutu"
        click.echo(texts.text("error.try_help", command=command), err=True)
        return ExitCode.USAGE
    except click.Abort:
        click.echo(texts.text("error.interrupted"), err=True)
        return ExitCode.INTERRUPTED
    except CommandError as error:
        _complain(texts, error.message)
        return error.code
    except SoutuError as error:
        _complain(texts, error.message)
        return ExitCode.UNREACHABLE if isinstance(error, UnavailableError | NotTrustedError) else ExitCode.ERROR
    except OSError as error:
        message = describe_os_error(error, texts.language)
        path = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
        _complain(texts, texts.text("error.file", path=path, message=message) if path else message)
        return ExitCode.ERROR
    except UnicodeEncodeError as error:  # a word of the command line that is no text in any encoding
        _complain(texts, texts.text("error.not_text", text=printable(str(error.object))))
        return ExitCode.USAGE
    except Exception as error:
        if os.environ.get(_DEBUG_VARIABLE):
            raise
        _complain(texts, texts.text("error.internal", kind=type(error).__name__))
        return ExitCode.ERROR


def _complain(texts: Texts, message: str) -> None:
    click.echo(texts.text("error.line", message=printable(" ".join(message.split()))), err=True)
