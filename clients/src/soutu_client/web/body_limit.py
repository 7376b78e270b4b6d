"""A limit on the bytes of a request, before anything is made of them."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soutu_client._language import Text
from soutu_client.web.callers import language_of
from soutu_client.web.errors import problem_response

__all__ = ["BodyLimit"]

_TOO_LARGE = Text(
    zh="请求超过 {limit} MiB 的上限，请用小一点的图片", en="the request is larger than {limit} MiB; use a smaller picture"
)


class BodyLimit:
    """ASGI middleware that answers larger requests with 413.

    Args:
        application: What is asked.
        max_bytes: The limit.
        except_path: Has a limit of its own.
    """

    def __init__(self, application: ASGIApp, max_bytes: int, except_path: str) -> None:
        self._application = application
        self._max_bytes = max_bytes
        self._except_path = except_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http" or scope["path"] == self._except_path:
            await self._application(scope, receive, send)
            return
        limit = _TOO_LARGE.to(language_of(Request(scope))).format(limit=self._max_bytes >> 20)
        got = 0

        async def receive_limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._max_bytes:
                raise HTTPException(413, limit)
            return message

        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal() and int(said) > self._max_bytes:
            await problem_response(413, "TOO_LARGE", limit)(scope, receive, send)
        else:
            await self._application(scope, receive_limited, send)
