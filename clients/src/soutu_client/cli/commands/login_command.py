"""``soutu login``: which library to use from now on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.access_models import Access
    from soutu_client.client import Client

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("place", explanation=texts.text("login.address"), required=False, metavar="ADDRESS"),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("login", _run, texts, help_key="login.help", params=params)


def _run(session: Session, *, place: str | None, as_json: bool) -> int:
    address = place or session.connection.address
    if address is None:
        return _show(session, as_json=as_json)
    from soutu_client._saved_login import SavedLogin, keep_login  # noqa: PLC0415

    token = _token(session, address)
    with _connect(session, address, token) as client:
        access = client.access()
        authority = client._calls.endpoint.authority or b""
        path = keep_login(SavedLogin(address, token, authority.decode("ascii")))
        if as_json:
            session.print_json(_facts(client, access) | {"file": path})
        else:
            session.print(session.text("login.done", address=client.address, access=_access_text(session, access), path=path))
    return ExitCode.OK


def _token(session: Session, address: str) -> str:
    """Return the token, or nothing where the service asks for none. The service is spoken to before a person is asked."""
    from soutu_client._errors import NotAuthenticatedError  # noqa: PLC0415
    from soutu_client._login import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Login  # noqa: PLC0415

    given = session.connection.read_token()
    if given is None and (os.environ.get(TOKEN_VARIABLE) or os.environ.get(TOKEN_FILE_VARIABLE)):
        given = Login.of(
            token=None, authority=None, allow_plaintext=None, environment=os.environ, language=session.texts.language
        ).token
    if given is not None:
        return _some(session, given)
    with _connect(session, address, "") as client:
        try:
            client.access()
        except NotAuthenticatedError:
            place = client.address
        else:
            return ""
    _connect(session, address, "unknown").close()  # refuses at once, and sends nothing, where a token would go unencrypted
    if not sys.stdin.isatty():
        return _some(session, sys.stdin.readline())
    return _some(
        session, click.prompt(session.text("login.ask", address=place), hide_input=True, default="", show_default=False, err=True)
    )


def _some(session: Session, token: str) -> str:
    if not token.strip():
        raise CommandError(session.text("login.no_token"), code=ExitCode.USAGE)
    return token.strip()


def _connect(session: Session, address: str, token: str) -> Client:
    from soutu_client.client import Client  # noqa: PLC0415 - gRPC is slow to load

    given = session.connection
    return Client(
        address,
        token=token,
        authority=given.authority,
        timeout_seconds=given.timeout_seconds or 30.0,
        language=session.texts.language,
    )


def _show(session: Session, *, as_json: bool) -> int:
    """Say which library is used, by whose word, and what it lets this person do."""
    from soutu_client._channel import ADDRESS_VARIABLE  # noqa: PLC0415
    from soutu_client._saved_login import saved_login  # noqa: PLC0415

    origin = "default"
    if os.environ.get(ADDRESS_VARIABLE):
        origin = "environment"
    elif saved_login(os.environ, session.texts.language) is not None:
        origin = "file"
    client = session.client
    access = client.access()
    if as_json:
        session.print_json(_facts(client, access) | {"origin": origin})
    else:
        told = _access_text(session, access)
        session.print(
            session.text("login.where", address=client.address, origin=session.text(f"login.from_{origin}"), access=told)
        )
    return ExitCode.OK


def _facts(client: Client, access: Access) -> dict[str, object]:
    return {"address": client.address, "is_encrypted": client.is_encrypted, "access": access}


def _access_text(session: Session, access: Access) -> str:
    from soutu_client.cli.commands.tokens_command import folders_text  # noqa: PLC0415

    if not access.name:
        return session.text("login.open")
    scope = session.text(f"scope.{access.scope.value.lower()}")
    sees = folders_text(access.folders, session.texts)
    told = session.text("doctor.token_ok", name=printable(access.name), scope=scope, sees=sees)
    return session.text("login.token", token=told)
