"""Reads pictures as the service does, but for those that say in their last bytes what is to become of their decoder."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import time
from datetime import datetime
from pathlib import Path

from soutu_services.search.imaging import PictureLimits, Reading, read_picture

HOSTILE = "hostile_reader:read"
"""As a pool of decoders takes it."""

_MARK = b"|decoder:"


def hostile(picture: bytes, order: str) -> bytes:
    """Return the picture, whole, with an order to its decoder behind it.

    ``crash``, ``spin``, ``sleep``, ``devour`` (4 GB), ``bug`` and ``lie`` do it each time; ``kill:PATH`` and ``crash:PATH`` as
    long as there is a file of that path, which they remove.
    """
    return picture + _MARK + order.encode()


def read(data: bytes, limits: PictureLimits, *, name: str = "", modified_at: datetime | None = None) -> Reading:
    """Read a picture, or obey it."""
    order = data.rpartition(_MARK)[2].decode() if _MARK in data else ""
    what, _, once = order.partition(":")
    if once:
        if Path(once).exists():
            Path(once).unlink()
        else:
            what = ""
    match what:
        case "crash":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "spin":
            while True:
                pass
        case "sleep":
            time.sleep(3600)
        case "devour":
            bytearray(4 << 30)
        case "bug":
            raise RuntimeError("a bug")
        case "lie":
            return dataclasses.replace(read_picture(data, limits), phash=-1)
        case "environment":
            reading = read_picture(data, limits)
            return dataclasses.replace(reading, camera=",".join(sorted(os.environ)))
    return read_picture(data, limits, name=name, modified_at=modified_at)
