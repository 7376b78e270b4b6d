"""Page tokens: opaque to callers, and bound to the list they are a page of."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from soutu_services.runtime.errors import InvalidInput

__all__ = ["list_digest", "page_token", "read_page_token"]

_MAX_CHARACTERS = 2000
_MAX_NUMBER = (1 << 63) - 1
"""The largest integer that SQLite takes."""


def list_digest(*parts: object) -> str:
    """Digest everything that decides what a list holds, so that a token of another list is recognised.

    Parts are told apart by ``repr``; frozen dataclasses, strings, bytes and numbers are what it is meant for.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(repr(part).encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()[:16]


def page_token(digest: str, position: list[str | int]) -> str:
    """Write where the next page of a list begins."""
    return base64.urlsafe_b64encode(json.dumps([digest, *position]).encode()).decode().rstrip("=")


def read_page_token(token: str, digest: str, *types: type[str] | type[int]) -> list[Any] | None:
    """Read where a page begins: a position of values of ``types``; None for the first page (an empty token).

    Numbers are from 0 to 2**63 - 1, and strings can be written as UTF-8.

    Raises:
        InvalidInput: the token is damaged, or belongs to another list.
    """
    if not token:
        return None
    try:
        if len(token) > _MAX_CHARACTERS:
            raise ValueError
        value = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        position: list[Any] = list(value)
        ours = position.pop(0)
    except (ValueError, TypeError, IndexError, RecursionError):
        raise _refusal() from None
    if ours != digest or [type(part) for part in position] != list(types) or not all(map(_can_be, position)):
        raise _refusal()
    return position


def _can_be(part: str | int) -> bool:
    if isinstance(part, int):
        return 0 <= part <= _MAX_NUMBER
    return not any("\ud800" <= character <= "\udfff" for character in part)


def _refusal() -> InvalidInput:
    return InvalidInput(
        "BAD_PAGE_TOKEN",
        zh="翻页标记无效或属于另一次查询，请从第一页重新开始",
        en="the page token is not valid or belongs to another query; begin again with the first page",
    )
