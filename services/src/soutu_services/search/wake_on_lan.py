"""Waking the machine of the embedding service when enough work waits for it."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from soutu_services.runtime.addresses import Address
from soutu_services.search.catalog.clock import now
from soutu_services.search.settings import WakeSettings

__all__ = ["Waker", "magic_packet"]

_logger = logging.getLogger(__name__)


def magic_packet(mac: str) -> bytes:
    """Return what wakes the network card of an address, ``a0:b1:…`` or ``a0-b1-…``: six times FF, then sixteen times the address.

    See AMD, Magic Packet Technology, publication 20213 (1995).
    """
    return b"\xff" * 6 + bytes.fromhex(mac.replace(":", "").replace("-", "")) * 16


class Waker:
    """Sends one magic packet when enough photos wait, and no other for an interval, also across restarts.

    Args:
        settings: The machine, and what is enough.
        stamp: A file whose time says when a packet was sent last; it may be deleted.
        waiting: Tells how many photos wait, and since when the first of them does.
    """

    def __init__(self, settings: WakeSettings, stamp: Path, *, waiting: Callable[[], tuple[int, datetime | None]]) -> None:
        self._settings = settings
        self._stamp = stamp
        self._waiting = waiting
        self._last_at = _time_of(stamp)
        age = (now() - self._last_at).total_seconds() if self._last_at else settings.interval_seconds
        left = settings.interval_seconds - max(0.0, age)  # a clock that was put back does not make it wait longer
        self._rests_until = time.monotonic() + left

    @property
    def last_at(self) -> datetime | None:
        """When a packet was sent last, UTC; None if none was."""
        return self._last_at

    def consider(self) -> None:
        """Send a packet if it is time and enough waits. Called when the service was asked and did not answer."""
        if not self._settings.mac or time.monotonic() < self._rests_until or not self._is_enough():
            return
        broadcast = Address.parse(self._settings.broadcast)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.sendto(magic_packet(self._settings.mac), (broadcast.host, broadcast.port))
        except OSError as error:
            _logger.warning("the embedding service's machine cannot be woken: %s", error.strerror or type(error).__name__)
            return
        self._rests_until = time.monotonic() + self._settings.interval_seconds
        self._last_at = now()
        _logger.info("the embedding service's machine was sent a wake-up packet")
        try:
            self._stamp.touch()
            os.utime(self._stamp)
        except OSError as error:
            _logger.warning("when it was sent cannot be written down: %s", error.strerror)

    def _is_enough(self) -> bool:
        photos, since = self._waiting()
        if not photos:
            return False
        waited = (now() - since).total_seconds() if since else 0.0
        return photos >= self._settings.min_photos or waited >= self._settings.min_wait_seconds


def _time_of(stamp: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp.stat().st_mtime, UTC)
    except OSError:
        return None
