"""Who calls, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["FULL_ACCESS", "Access", "FolderAccess", "Scope"]


class Scope(IntEnum):
    """What a caller may do; each scope allows what the smaller ones do."""

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class FolderAccess:
    """A folder that a guest may see, and those below it.

    An empty source means any, an empty folder the whole source; no token is made with both empty.
    """

    source: str
    folder: str


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do.

    Attributes:
        name: Of the token, for people and the log; empty where no token is needed.
        scope: What may be done.
        folders: What a guest is confined to; empty: the whole library.
        token_id: Of the token; empty where no token is needed.
    """

    name: str
    scope: Scope
    folders: tuple[FolderAccess, ...] = ()
    token_id: str = ""


FULL_ACCESS = Access(name="", scope=Scope.ADMIN)
"""What every caller has where no token is needed."""
