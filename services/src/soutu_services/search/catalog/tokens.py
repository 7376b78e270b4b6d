"""Tokens: who may do what. Their secrets are nowhere; a digest of each is enough to know it again."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soutu_services.runtime.access import Access, FolderAccess, Scope
from soutu_services.runtime.authentication import secret_digest
from soutu_services.runtime.errors import NotFound, Overloaded
from soutu_services.search.catalog.clock import from_milliseconds, now_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.page_tokens import list_digest, page_token, read_page_token

__all__ = ["MAX_TOKENS", "SECRET_PREFIX", "Token", "Tokens", "new_secret"]

MAX_TOKENS = 1000
"""Valid tokens at the same time: each call's token is compared with all of them."""

SECRET_PREFIX = "soutu_"  # noqa: S105 - what each begins with; it makes them known for what they are where they must not be
_SECRET_BYTES = 32
_HOUR = timedelta(hours=1) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret.

    Attributes:
        token_id: Identifier.
        name: What it is for.
        scope: What it allows.
        folders: What it is confined to; empty: the whole library.
        created_at: When it was made.
        used_at: When it was last used, to the hour; None: never.
        revoked_at: When it was ended; None: it is valid.
    """

    token_id: str
    name: str
    scope: Scope
    folders: tuple[FolderAccess, ...]
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def new_secret() -> str:
    """Make the secret of a token: 256 random bits in the letters of a URL, behind a prefix."""
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


class Tokens:
    """The tokens of the catalog. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, secret: str, *, name: str, scope: Scope, folders: Sequence[FolderAccess] = ()) -> Token:
        """Make a token of a new secret, of which only the digest is kept.

        Raises:
            Overloaded: there are ``MAX_TOKENS`` already.
        """
        token_id = secrets.token_hex(8)
        with self._database.write() as writer:
            if writer.execute("SELECT count(*) FROM tokens WHERE revoked_at IS NULL").fetchone()[0] >= MAX_TOKENS:
                raise Overloaded(
                    "TOO_MANY_TOKENS",
                    zh=f"令牌已有 {MAX_TOKENS} 个，请先收回不用的",
                    en=f"there are {MAX_TOKENS} tokens already; revoke what is not used any more",
                )
            writer.execute(
                "INSERT INTO tokens (token_id, name, digest, scope, folders, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    token_id,
                    name,
                    secret_digest(secret),
                    scope.name,
                    json.dumps([[folder.source, folder.folder] for folder in folders], ensure_ascii=False),
                    now_milliseconds(),
                ),
            )
            return _get(writer, token_id)

    def list_page(self, *, limit: int = 50, page_token_text: str = "") -> tuple[list[Token], str]:
        """List tokens, newest first, revoked ones too, and the token of the next page; it is empty after the last.

        Raises:
            InvalidInput: the page token cannot be right.
        """
        digest = list_digest("tokens")
        position = read_page_token(page_token_text, digest, int)
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT * FROM tokens WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
                (*(2 * (position[0] if position else None,)), limit + 1),
            ).fetchall()
        token = page_token(digest, [rows[limit - 1]["id"]]) if len(rows) > limit else ""
        return [_token(row) for row in rows[:limit]], token

    def valid(self) -> list[tuple[bytes, Access]]:
        """List the digests of the tokens that are valid, with what each allows."""
        with self._database.read() as reader:
            rows = reader.execute("SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY id").fetchall()
        return [(bytes(row["digest"]), _access(_token(row))) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """End a token. One that is ended stays as it was.

        Raises:
            NotFound: there is no such token.
        """
        with self._database.write() as writer:
            _get(writer, token_id)
            writer.execute(
                "UPDATE tokens SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL", (now_milliseconds(), token_id)
            )
            return _get(writer, token_id)

    def note_use(self, token_id: str) -> None:
        """Write down that a token is used, to the hour."""
        hour = now_milliseconds() // _HOUR * _HOUR
        with self._database.write() as writer:
            writer.execute(
                "UPDATE tokens SET used_at = ? WHERE token_id = ? AND (used_at IS NULL OR used_at < ?)", (hour, token_id, hour)
            )


def _get(connection: sqlite3.Connection, token_id: str) -> Token:
    row = connection.execute("SELECT * FROM tokens WHERE token_id = ?", (token_id,)).fetchone()
    if row is None:
        raise NotFound("TOKEN_NOT_FOUND", zh="找不到这个令牌", en="there is no such token")
    return _token(row)


def _token(row: sqlite3.Row) -> Token:
    return Token(
        token_id=row["token_id"],
        name=row["name"],
        scope=Scope[row["scope"]],
        folders=tuple(FolderAccess(source, folder) for source, folder in json.loads(row["folders"])),
        created_at=from_milliseconds(row["created_at"]),
        used_at=from_milliseconds(row["used_at"]) if row["used_at"] is not None else None,
        revoked_at=from_milliseconds(row["revoked_at"]) if row["revoked_at"] is not None else None,
    )


def _access(token: Token) -> Access:
    return Access(name=token.name, scope=token.scope, folders=token.folders, token_id=token.token_id)
