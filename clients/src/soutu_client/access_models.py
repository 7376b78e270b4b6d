"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

__all__ = ["Access", "FolderAccess", "NewToken", "Scope", "Token", "TokenPage"]


class Scope(Enum):
    """What a token allows; each allows what those before it allow."""

    READ = "READ"
    """Search and see photos."""
    WRITE = "WRITE"
    """Add, annotate, delete and bring back photos; sync."""
    ADMIN = "ADMIN"
    """Everything."""
    UNKNOWN = "UNKNOWN"
    """Something that this client is too old to know."""


@dataclass(frozen=True)
class FolderAccess:
    """A folder that a guest may see, and those below it.

    Attributes:
        folder: "旅行/2019"; empty: the whole source.
        source: Empty: any.
    """

    folder: str = ""
    source: str = ""


@dataclass(frozen=True)
class Access:
    """What this client may do.

    Attributes:
        name: Of the token that it presents; empty where none is needed.
        scope: What it may do.
        folders: What it is confined to; empty: the whole library.
    """

    name: str
    scope: Scope
    folders: tuple[FolderAccess, ...]


@dataclass(frozen=True)
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
    created_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class NewToken:
    """A token that was just made.

    Attributes:
        token: The token.
        secret: What is presented; told this once, and never shown by ``repr``.
    """

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True)
class TokenPage:
    """A page of tokens, newest first; ``next_page_token`` is empty after the last."""

    tokens: tuple[Token, ...]
    next_page_token: str
