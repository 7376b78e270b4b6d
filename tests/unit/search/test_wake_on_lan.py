"""Waking a machine: the packet, when it is sent, and when it is not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from patience import PATIENCE
from soutu_services.search.settings import WakeSettings
from soutu_services.search.wake_on_lan import Waker, magic_packet

MAC = "a0:b1:C2:d3:e4:f5"
NOW = datetime.now(UTC)


class Network:
    """Loopback in place of the home's broadcast address."""

    def __init__(self, heard: socket.socket, stamp: Path) -> None:
        self.heard = heard
        self.stamp = stamp
        self.waiting: tuple[int, datetime | None] = (0, None)

    def waker(self, **settings: Any) -> Waker:
        host, port = self.heard.getsockname()
        given = {"mac": MAC, "broadcast": f"{host}:{port}", "min_photos": 5, "min_wait_seconds": 600, "interval_seconds": 3600}
        return Waker(WakeSettings(**(given | settings)), self.stamp, waiting=lambda: self.waiting)

    def packets(self) -> list[bytes]:
        """What came so far: loopback hands over before the sender goes on."""
        found = []
        while True:
            try:
                found.append(self.heard.recv(4096))
            except BlockingIOError:
                return found


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.setblocking(False)
        yield Network(heard, tmp_path / "woken")


def test_the_packet_is_six_times_ff_and_sixteen_times_the_address() -> None:
    card = bytes([0xA0, 0xB1, 0xC2, 0xD3, 0xE4, 0xF5])
    assert magic_packet(MAC) == magic_packet(MAC.replace(":", "-")) == b"\xff" * 6 + card * 16


def test_one_packet_is_sent_when_enough_photos_wait_and_no_other_for_an_interval(network: Network) -> None:
    waker = network.waker()
    waker.consider()
    network.waiting = (4, NOW)
    waker.consider()
    assert network.packets() == [] and waker.last_at is None
    network.waiting = (5, NOW)
    for _ in range(3):
        waker.consider()
    assert network.packets() == [magic_packet(MAC)]
    assert waker.last_at is not None and waker.last_at >= NOW


def test_a_few_photos_are_enough_when_they_wait_long(network: Network) -> None:
    waker = network.waker()
    network.waiting = (1, datetime.now(UTC) - timedelta(seconds=700))
    waker.consider()
    assert len(network.packets()) == 1


def test_a_restart_does_not_send_another(network: Network) -> None:
    network.waiting = (5, NOW)
    network.waker().consider()
    again = network.waker()
    again.consider()
    assert len(network.packets()) == 1
    assert again.last_at is not None and abs((again.last_at - datetime.now(UTC)).total_seconds()) < PATIENCE


def test_another_is_sent_after_the_interval_whatever_the_clock_did(network: Network) -> None:
    network.waiting = (5, NOW)
    network.stamp.touch()
    for age, expected in ((3000, 0), (4000, 1), (-100_000, 0)):
        os.utime(network.stamp, (time.time() - age,) * 2)
        network.waker().consider()
        assert len(network.packets()) == expected, f"{age} seconds after the last one"
    waker = network.waker(interval_seconds=0)
    waker.consider()
    waker.consider()
    assert len(network.packets()) == 2


def test_nothing_is_sent_without_an_address(network: Network) -> None:
    network.waiting = (100, NOW - timedelta(days=1))
    network.waker(mac="").consider()
    assert network.packets() == []


def test_a_network_that_is_away_and_a_full_disk_stop_nothing(network: Network, tmp_path: Path) -> None:
    network.waiting = (5, NOW)
    unreachable = network.waker(broadcast="host.invalid:9")
    unreachable.consider()
    assert unreachable.last_at is None, "it was not sent"
    network.stamp = tmp_path / "no such folder" / "woken"
    waker = network.waker()
    waker.consider()
    waker.consider()
    assert len(network.packets()) == 1


@pytest.mark.parametrize("setting", [{"mac": "a0:b1"}, {"mac": "g0:b1:c2:d3:e4:f5"}, {"broadcast": "192.168.1.255"}])
def test_settings_that_cannot_be_right_are_refused(setting: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WakeSettings(**setting)
