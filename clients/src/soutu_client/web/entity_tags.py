"""Entity tags: what a browser has already is not sent again (RFC 9110, section 13.1.2)."""

from __future__ import annotations

from fastapi import Request

__all__ = ["is_known"]


def is_known(request: Request, tag: str) -> bool:
    """Tell whether whoever asks has what has the entity tag."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]
