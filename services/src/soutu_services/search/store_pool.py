"""Connections to a photo store that may hang, trickle or break off: everything that is asked of it ends.

An answer has to begin in time, and bytes have to move, in both directions, at more than a crawl. What broke off is asked for once
or twice more; what took too long is not, since whoever asked has a way of their own to wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError

__all__ = ["StorePool", "pieces"]

_CONNECT_SECONDS = 3.0
_PIECE_BYTES = 256 * 1024
_SLOWEST_BYTES_PER_SECOND = 16 * 1024
_LARGE_BODY_BYTES = 64 * 1024
"""Larger bodies are sent in pieces, each with a time limit of its own."""


class _Haste:
    """Sees that bytes move.

    Raises:
        TimeoutError: they do not.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._bytes = 0

    def moved(self, size: int) -> None:
        """Note that so many more bytes moved."""
        self._bytes += size
        if time.monotonic() - self._began > self._seconds + self._bytes / _SLOWEST_BYTES_PER_SECOND:
            raise TimeoutError


def pieces(response: urllib3.BaseHTTPResponse, *, seconds: float, most_bytes: int | None = None) -> Iterator[bytes]:
    """Yield what arrives of an answer's body.

    Args:
        response: The answer.
        seconds: How long all of it may take, and a little for each byte.
        most_bytes: Read no more than this; None: to its end.

    Raises:
        TimeoutError: it takes longer.
        HTTPError: it breaks off.
    """
    haste = _Haste(seconds)
    left = most_bytes
    gathered = bytearray()
    while left != 0:
        room = _PIECE_BYTES - len(gathered)
        some = response.read1(room if left is None else min(left, room))
        if not some:
            break
        haste.moved(len(some))
        left = None if left is None else left - len(some)
        gathered += some
        if len(gathered) == _PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


class _Body(BytesIO):
    """A body that is sent in pieces."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._seconds = seconds
        self._haste = _Haste(seconds)

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            self._haste = _Haste(self._seconds)
        data = super().read(size)
        self._haste.moved(len(data))
        return data


class _SendsPatiently:
    """A connection that gives each piece as long as an answer, not as long as connecting takes."""

    seconds = 60.0

    def send(self, data: Any) -> None:
        sock = getattr(self, "sock", None)
        if sock is not None:
            sock.settimeout(self.seconds)
        super().send(data)  # type: ignore[misc]


class _Connection(_SendsPatiently, HTTPConnection):
    pass


class _TlsConnection(_SendsPatiently, HTTPSConnection):
    pass


class _Retry(urllib3.Retry):
    """Asks again after what broke off, not after what took too long."""

    def increment(self, *given: Any, **named: Any) -> Self:
        error = named.get("error")
        cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
        if error is not None and isinstance(cause, ReadTimeoutError | TimeoutError):
            raise error
        return super().increment(*given, **named)


class StorePool(urllib3.PoolManager):
    """urllib3's pool, with limits.

    It also calls an XML error an XML error: rclone sends errors as ``text/xml``, which the MinIO client takes for the answer of
    something that is no S3 server.

    Args:
        seconds: How long an answer may take to begin, and bytes to move on.
        connections: Connections that are kept open.
        retries: How often a request that got no answer, or 502 to 504, is sent again.
        ssl_context: For TLS.
    """

    def __init__(self, *, seconds: float, connections: int, retries: int, ssl_context: Any = None) -> None:
        super().__init__(
            maxsize=connections,
            num_pools=2,
            ssl_context=ssl_context,
            retries=_Retry(
                total=retries, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods=None, raise_on_status=False
            ),
        )
        self.seconds = seconds
        """How long an answer may take to begin, and bytes to move on."""
        patient = {"seconds": seconds}
        self.pool_classes_by_scheme = {
            "http": type("_Pool", (HTTPConnectionPool,), {"ConnectionCls": type("_Own", (_Connection,), patient)}),
            "https": type("_TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": type("_OwnTls", (_TlsConnection,), patient)}),
        }

    def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        """Ask; an answer that is wanted whole is read whole within its time."""
        body = kwargs.get("body")
        if isinstance(body, bytes) and len(body) > _LARGE_BODY_BYTES:
            kwargs["body"] = _Body(body, self.seconds)
        is_whole = kwargs.pop("preload_content", True)
        kwargs["timeout"] = urllib3.Timeout(connect=_CONNECT_SECONDS, read=self.seconds)
        response = super().urlopen(method, url, *args, preload_content=False, **kwargs)
        if response.headers.get("content-type", "").startswith("text/xml"):
            response.headers["content-type"] = "application/xml"
        return self._whole(method, response) if is_whole else response

    def _whole(self, method: str, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        is_complete = False
        try:
            data = b"".join(pieces(response, seconds=self.seconds))
            is_complete = True
        finally:
            if not is_complete:
                response.close()
            response.release_conn()
        return urllib3.HTTPResponse(
            body=data,
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            request_method=method,
            preload_content=True,
        )
