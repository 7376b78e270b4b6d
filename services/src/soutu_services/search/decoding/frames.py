"""What goes between the service and a decoder: frames of a JSON object and bytes, over a stream socket.

A frame is two big-endian 32-bit lengths, a JSON object of the first length and bytes of the second. JSON, not pickle: a decoder
that a picture has taken over must not be able to make the service run anything.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

__all__ = ["MAX_FIELDS_BYTES", "BadFrame", "receive", "send"]

MAX_FIELDS_BYTES = 1 << 16
"""Largest JSON object, in bytes."""

_LENGTHS = struct.Struct(">II")


class BadFrame(Exception):  # noqa: N818 - it is what came, not what went wrong here
    """What came is no frame."""


def send(connection: socket.socket, fields: dict[str, Any], body: bytes = b"") -> None:
    """Send a frame, in at most the socket's timeout.

    Raises:
        OSError: the other side is gone, or does not take it in time (TimeoutError).
    """
    encoded = json.dumps(fields).encode()
    connection.sendall(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    if body:
        connection.sendall(body)


def receive(connection: socket.socket, *, max_body_bytes: int, until: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Receive a frame.

    Args:
        connection: From where.
        max_body_bytes: Most bytes beside the JSON object.
        until: When to give up, by ``time.monotonic``; None: never.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: it did not come in time.
        BadFrame: it is none.
    """
    fields_bytes, body_bytes = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size, until))
    if fields_bytes > MAX_FIELDS_BYTES or body_bytes > max_body_bytes:
        raise BadFrame
    try:
        fields = json.loads(_exactly(connection, fields_bytes, until))
    except (ValueError, RecursionError) as error:
        raise BadFrame from error
    if not isinstance(fields, dict):
        raise BadFrame
    return fields, _exactly(connection, body_bytes, until)


def _exactly(connection: socket.socket, size: int, until: float | None) -> bytes:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        if until is not None:
            seconds = until - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            connection.settimeout(seconds)
        received = connection.recv_into(rest)
        if not received:
            raise EOFError
        rest = rest[received:]
    return bytes(data)
