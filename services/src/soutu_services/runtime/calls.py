"""What a handler asks of the gRPC call that it answers."""

from __future__ import annotations

import math

import grpc

from soutu_services.runtime.access import Access
from soutu_services.runtime.errors import NotAllowed
from soutu_services.runtime.language import METADATA_KEY, Language, preferred_language

__all__ = ["access_of", "language_of", "seconds_left", "set_access"]

_NO_DEADLINE_SECONDS = 365 * 24 * 3600.0


def language_of(context: grpc.ServicerContext) -> Language:
    """Return the language in which the caller wants texts for people."""
    for key, value in context.invocation_metadata() or ():
        if key == METADATA_KEY:
            return preferred_language(value if isinstance(value, str) else value.decode("ascii", "replace"))
    return preferred_language(None)


def set_access(context: grpc.ServicerContext, access: Access) -> None:
    """Note what the caller of this call may do; the interceptor's to call, before the handler."""
    context.soutu_access = access  # type: ignore[attr-defined]  # one object for each call, and nobody else's name


def access_of(context: grpc.ServicerContext) -> Access:
    """Return what the caller may do.

    Raises:
        NotAllowed: nobody has checked who calls, which is a fault of the service; it is not taken for permission.
    """
    access: Access | None = getattr(context, "soutu_access", None)
    if access is None:
        raise NotAllowed(
            "NOT_CHECKED", zh="服务没有核对调用者的身份，因此拒绝", en="the service did not check who calls; refused"
        )
    return access


def seconds_left(context: grpc.ServicerContext) -> float:
    """Return the seconds until the call's deadline; infinity when it has none."""
    remaining = context.time_remaining()
    return math.inf if remaining is None or remaining > _NO_DEADLINE_SECONDS else float(remaining)
