"""Who calls, and in which language: each request's client of the search service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from soutu_client._language import Language
from soutu_client.client import Client
from soutu_client.web.client_pool import ClientPool

__all__ = ["COOKIE", "CallerClient", "language_of", "token_of"]

COOKIE = "soutu_token"


def language_of(request: Request) -> Language:
    """Return the language that the request prefers of the two; English where it names neither."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        name = part.split(";")[0].strip()
        if name.startswith("zh"):
            return "zh"
        if name.startswith("en"):
            return "en"
    return "en"


def token_of(request: Request) -> str:
    """Return the token that a request carries (RFC 6750), or that its session does, or nothing."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")


def _client(request: Request) -> Client:
    pool: ClientPool = request.app.state.clients
    return pool.client(token_of(request), language_of(request))


CallerClient = Annotated[Client, Depends(_client)]
"""The client of whoever calls."""
