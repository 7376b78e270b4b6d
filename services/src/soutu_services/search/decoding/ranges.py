"""A file that is read by ranges: the service's side, which has it, and the decoder's, which asks for parts of it."""

from __future__ import annotations

import io
import socket
from collections import OrderedDict
from typing import Protocol

from soutu_services.search.decoding import frames

__all__ = ["MAX_PART_BYTES", "RangeSource", "RemoteFile"]

MAX_PART_BYTES = 1 << 20
"""Bytes that a decoder may ask for at once."""

_KEPT_PARTS = 8


class RangeSource(Protocol):
    """A file, wherever it lies."""

    @property
    def size_bytes(self) -> int:
        """Its size."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset`` on; fewer at the end.

        Raises:
            SoutuError: it cannot be read now.
        """
        ...


class RemoteFile(io.RawIOBase):
    """A file that the other end of a connection has, read in parts, of which the last few are kept."""

    def __init__(self, connection: socket.socket, size_bytes: int) -> None:
        super().__init__()
        self._connection = connection
        self._size = size_bytes
        self._at = 0
        self._parts: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Tell where it is read next."""
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read bytes from the place on; up to the end of a part.

        Raises:
            OSError: the other end could not read them.
        """
        number, within = divmod(self._at, MAX_PART_BYTES)
        if self._at >= self._size or not buffer:
            return 0
        some = self._part(number)[within : within + len(buffer)]
        buffer[: len(some)] = some
        self._at += len(some)
        return len(some)

    def _part(self, number: int) -> bytes:
        if number in self._parts:
            self._parts.move_to_end(number)
            return self._parts[number]
        frames.send(self._connection, {"part": number * MAX_PART_BYTES})
        fields, part = frames.receive(self._connection, max_body_bytes=MAX_PART_BYTES)
        if "failed" in fields:
            raise OSError("the file cannot be read now")
        self._parts[number] = part
        if len(self._parts) > _KEPT_PARTS:
            self._parts.popitem(last=False)
        return part
