"""Channels to other services of the home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from patience import PATIENCE
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.channels import PeerAccess, open_channel
from soutu_services.runtime.probe import answers_grpc
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server


@pytest.fixture
def server() -> Iterator[RunningServer]:
    server = start_server([], ServerSettings(metrics_listen=""), package="soutu.test.v1")
    yield server
    server.stop(0)


def test_no_proxy_of_the_internet_is_asked_for_a_machine_of_the_home(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.delenv("no_proxy", raising=False)
    with open_channel(server.address, PeerAccess()) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert answers_grpc(Address.parse(server.address))


@pytest.mark.parametrize(
    "asking",
    [
        "from soutu_services.runtime import channels as c; channel = c.open_channel(address, c.PeerAccess(allow_plaintext=True))",
        "from soutu_client import Client; channel = Client(address)._calls._channel",
    ],
    ids=["service", "client"],
)
def test_a_name_that_the_system_alone_knows_is_found(server: RunningServer, asking: str) -> None:
    """Names in .local are such names; so is ``127.1``, which no DNS server and no hosts file has."""
    address = f"127.1:{Address.parse(server.address).port}"
    program = f"address = {address!r}; {asking}; import grpc; grpc.channel_ready_future(channel).result({PATIENCE})"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GRPC_", "SOUTU_"))}
    assert subprocess.run([sys.executable, "-c", program], check=False, env=own, timeout=PATIENCE).returncode == 0
