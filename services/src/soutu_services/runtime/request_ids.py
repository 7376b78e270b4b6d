"""The id of a request: made by whoever asks first, handed on from service to service, and in every line that is logged for it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

__all__ = ["REQUEST_ID_KEY", "current_request_id", "new_request_id", "request_id_of", "working_on"]

REQUEST_ID_KEY = "soutu-request-id"
"""gRPC metadata key of the id."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what is logged must not break a line, nor fill the disk
_current: ContextVar[str] = ContextVar("soutu_request_id", default="")


def new_request_id() -> str:
    """Make an id: 32 hex digits."""
    return uuid.uuid4().hex


def request_id_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """Return the id that came with a call, or a new one if none did, or one that is not well formed."""
    for key, value in metadata or ():
        if key == REQUEST_ID_KEY and isinstance(value, str) and _WELL_FORMED.fullmatch(value):
            return value
    return new_request_id()


def current_request_id() -> str:
    """Return the id of what this thread works on; empty if it works on no request."""
    return _current.get()


@contextmanager
def working_on(request_id: str) -> Iterator[str]:
    """Work on a request inside: its id is in the lines that are logged, and goes with the calls to other services."""
    token = _current.set(request_id)
    try:
        yield request_id
    finally:
        with suppress(ValueError):  # an abandoned stream that was collected on another thread, which has a request of its own
            _current.reset(token)
