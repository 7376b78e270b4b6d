"""Loopback addresses that stay free until they are used, and stay ours while a test stops what listens there.

The kernel gives ports of its own range to whoever connects, here or in a test that runs beside this one. These lie below it, and
every process of pytest-xdist has its own.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

_FIRST, _LAST = 10_240, 32_000
_PORTS_OF_A_WORKER = 2_000

_run = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(_run.randrange(_LAST - _FIRST) + _worker * _PORTS_OF_A_WORKER)

_hosts = itertools.count(random.SystemRandom().randrange(1 << 22))


def loopback_host() -> str:
    """Return a loopback address of Linux that stands for a machine of its own, where every port is free."""
    number = next(_hosts) % (1 << 22)
    return f"127.{64 + (number >> 16)}.{(number >> 8) % 256}.{number % 253 + 1}"


def free_address() -> str:
    """Return a ``host:port`` of the loopback interface where nothing listens; no two calls return the same."""
    while True:
        port = _FIRST + next(_ports) % (_LAST - _FIRST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{port}"
