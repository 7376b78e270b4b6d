"""``soutu tokens``: who may do what."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soutu_client.access_models import FolderAccess, Scope
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.table import Table

    from soutu_client.access_models import Token

__all__ = ["build", "folders_text"]

_PAGE = 200
_ID_DIGITS = 16


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument(
            "action",
            explanation=texts.text("tokens.action"),
            type=click.Choice(["list", "create", "revoke"]),
            default="list",
            required=False,
            metavar="ACTION",
        ),
        Argument("subject", explanation=texts.text("tokens.subject"), required=False, metavar="NAME|ID"),
        Option(
            "--scope",
            type=click.Choice(["read", "write", "admin"]),
            metavar="read|write|admin",
            help=texts.text("tokens.scope"),
        ),
        Option("--folder", "folders", multiple=True, metavar="FOLDER", help=texts.text("tokens.folder")),
        Option("--source", metavar="NAME", help=texts.text("tokens.source")),
        Option("--save", "save_as", type=click.Path(path_type=Path), metavar="FILE", help=texts.text("tokens.save")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("tokens", _run, texts, help_key="tokens.help", params=params)


def _run(
    session: Session,
    *,
    action: str,
    subject: str | None,
    scope: str | None,
    folders: Sequence[str],
    source: str | None,
    save_as: Path | None,
    as_json: bool,
) -> int:
    if action == "create":
        confined = [FolderAccess(folder=folder, source=source or "") for folder in folders]
        if source and not folders:
            confined = [FolderAccess(source=source)]
        return _create(session, subject, Scope((scope or "read").upper()), confined, save_as=save_as, as_json=as_json)
    if scope or folders or source or save_as:
        raise CommandError(session.text("error.token_options"), code=ExitCode.USAGE)
    if action == "revoke":
        return _revoke(session, subject, as_json=as_json)
    return _list(session, as_json=as_json)


def _create(
    session: Session, name: str | None, scope: Scope, folders: Sequence[FolderAccess], *, save_as: Path | None, as_json: bool
) -> int:
    if not name:
        raise CommandError(session.text("error.token_name"), code=ExitCode.USAGE)
    if save_as is not None:
        descriptor = os.open(save_as, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # before there is a token to lose
        try:
            made = session.client.create_token(name, scope=scope, folders=folders)
        except BaseException:
            os.close(descriptor)
            save_as.unlink()
            raise
        with os.fdopen(descriptor, "w") as file:
            file.write(made.secret + "\n")
        if as_json:
            session.print_json(made.token)
        else:
            path = printable(str(save_as))
            session.remark(session.text("tokens.saved", name=made.token.name, token=made.token.token_id, path=path))
        return ExitCode.OK
    made = session.client.create_token(name, scope=scope, folders=folders)
    if as_json:
        session.print_json(made)
    else:
        click.echo(made.secret)  # alone on standard output, so that it can be handed on
        session.remark(session.text("tokens.made", name=made.token.name, token=made.token.token_id))
    return ExitCode.OK


def _list(session: Session, *, as_json: bool) -> int:
    tokens = list(_all_tokens(session))
    if as_json:
        session.print_json(tokens)
    elif tokens:
        session.out.print(_table(session, tokens))
    else:
        session.remark(session.text("tokens.nothing"))
    return ExitCode.OK if tokens else ExitCode.NOTHING_FOUND


def _revoke(session: Session, token_id: str | None, *, as_json: bool) -> int:
    if not token_id:
        raise CommandError(session.text("error.token_id"), code=ExitCode.USAGE)
    if len(token_id) < _ID_DIGITS:
        found = [token.token_id for token in _all_tokens(session) if token.token_id.startswith(token_id.lower())]
        if len(found) > 1:
            raise CommandError(session.count("error.which_token", len(found)), code=ExitCode.USAGE)
        if not found:
            raise CommandError(session.text("error.no_token", token=token_id))
        token_id = found[0]
    token = session.client.revoke_token(token_id)
    if as_json:
        session.print_json(token)
    else:
        session.print(session.text("tokens.revoked", name=printable(token.name), token=token.token_id))
    return ExitCode.OK


def _all_tokens(session: Session) -> Iterator[Token]:
    page_token = ""
    while True:
        page = session.client.tokens(page_size=_PAGE, page_token=page_token)
        yield from page.tokens
        page_token = page.next_page_token
        if not page_token:
            return


def folders_text(folders: Iterable[FolderAccess], texts: Texts) -> str:
    """Return what somebody may see, for people."""
    parts = []
    for each in folders:
        folder = each.folder or texts.text("tokens.whole_source" if each.source else "tokens.everywhere")
        parts.append(printable(f"{each.source}: {folder}" if each.source else folder))
    return ", ".join(parts) or texts.text("tokens.everywhere")


def _table(session: Session, tokens: Iterable[Token]) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from soutu_client.cli.cells import moment  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in ("token", "name", "scope", "sees", "made", "used", "state"):
        is_whole = key in ("token", "scope")  # in a narrow terminal the others take more lines, but lose nothing
        table.add_column(session.text(f"column.{key}"), no_wrap=is_whole, min_width=None if is_whole else 8, overflow="fold")
    for token in tokens:
        state = session.text("tokens.valid")
        if token.revoked_at is not None:
            state = session.text("tokens.ended", when=moment(token.revoked_at))
        table.add_row(
            Text(token.token_id, style="cyan"),
            Text(printable(token.name)),
            Text(session.text(f"scope.{token.scope.value.lower()}")),
            Text(folders_text(token.folders, session.texts)),
            Text("" if token.created_at is None else moment(token.created_at)),
            Text(session.text("tokens.never") if token.used_at is None else moment(token.used_at)),
            Text(state, style="" if token.revoked_at is None else "dim"),
        )
    return table
