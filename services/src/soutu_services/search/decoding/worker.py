"""The program that decodes pictures for the search service: ``python -m soutu_services.search.decoding.worker OPTIONS``.

It takes frames (see ``frames``) from its standard input, a socket, and answers each with one; of a video it
asks for parts before. It confines itself before it reads any: limits on memory and on processor time, no files, no core dumps, a
low priority; it dies with the service, and is what the kernel ends first when the machine runs out of memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from soutu_services.search.decoding import frames
from soutu_services.search.decoding.ranges import RemoteFile
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable, read_film

__all__ = ["main", "told"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICENESS = 5
_FIRST_TO_GO = "1000"

_Reader = Callable[..., Reading]


def main(arguments: list[str]) -> int:
    """Decode until the service goes away.

    Args:
        arguments: One JSON object: ``parent``, its process id; ``reader``, "module:function" of what reads a picture as
            ``read_picture`` does; ``limits``, of ``PictureLimits``; ``seconds`` of processor time and ``memory_bytes``, for a
            picture.
    """
    options = json.loads(arguments[0])
    connection = socket.socket(fileno=os.dup(0))
    _tie_to(options["parent"])
    limits = PictureLimits(**options["limits"])
    try:
        module, _, name = options["reader"].partition(":")
        reader: _Reader = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is told
        frames.send(connection, {"fault": f"{type(error).__name__}: {error}"})
        return 1
    _confine(options["memory_bytes"])
    frames.send(connection, {"ready": True})
    while True:
        try:
            fields, data = frames.receive(connection, max_body_bytes=limits.max_bytes)
        except (EOFError, ConnectionError):
            return 0
        _allow_processor(options["seconds"])
        read = partial(reader, data, limits)
        if "film_bytes" in fields:
            read = partial(read_film, RemoteFile(connection, fields["film_bytes"]), limits)
        answer, images = _answer(read, fields)
        del data, read
        frames.send(connection, answer, images)
        if "memory" in answer:
            return 1  # what is left of the memory is in pieces


def _answer(read: _Reader, fields: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    modified_at = fields["modified_at"]
    wanted = {name: int(fields[name]) for name in ("longer_side", "at_ms") if name in fields}
    try:
        reading = read(name=fields["name"], modified_at=datetime.fromisoformat(modified_at) if modified_at else None, **wanted)
    except Unreadable as unreadable:
        return {"unreadable": unreadable.reason.value, "detail": _shortened(unreadable)}, b""
    except MemoryError:
        return {"memory": True}, b""
    except Exception as error:  # noqa: BLE001 - the service decides what becomes of the picture
        return {"fault": _shortened(error)}, b""
    return told(reading)


def told(reading: Reading) -> tuple[dict[str, Any], bytes]:
    """Write a reading as an answer: a JSON object, and beside it the thumbnail and a video's frames, one after the other."""
    fields = asdict(reading)
    thumbnail: bytes = fields.pop("thumbnail")
    fields["frames"] = [[frame.time_ms, len(frame.image)] for frame in reading.frames]
    images = b"".join([thumbnail, *(frame.image for frame in reading.frames)])
    return {"reading": json.loads(json.dumps(fields, default=_plain))}, images


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _shortened(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _tie_to(parent: int) -> None:
    """Die with the service. Ctrl-C in a terminal reaches this process too, and is the service's to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _confine(memory_bytes: int) -> None:
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    for kind, most in (
        (resource.RLIMIT_AS, _address_space() + memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(kind, (most, most))


def _address_space() -> int:
    """Return the bytes of address space that the program and its libraries take by themselves; without Linux's /proc, a guess."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def _allow_processor(seconds: float) -> None:
    """Let the kernel end this process (SIGXCPU) after so many seconds of processor time more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
