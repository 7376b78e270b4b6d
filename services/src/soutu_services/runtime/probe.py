"""Whether a program answers."""

from __future__ import annotations

import socket
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.channels import NO_PROXY

__all__ = ["answers_grpc", "answers_tcp", "reachable"]

_PROBE_SECONDS = 1.0


def answers_tcp(address: Address) -> bool:
    """Say whether something listens on an address."""
    try:
        near = reachable(address)
        with socket.create_connection((near.host, near.port), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False


def answers_grpc(address: Address, authority: Path | None = None) -> bool:
    """Ask a service's health (grpc.health.v1) and say whether it serves; with TLS if an authority is given."""
    if not answers_tcp(address):  # or gRPC would back off and be told late
        return False
    target = str(reachable(address))
    if authority is None:
        opened = grpc.insecure_channel(target, options=[NO_PROXY])
    else:
        opened = grpc.secure_channel(target, grpc.ssl_channel_credentials(authority.read_bytes()), options=[NO_PROXY])
    with opened as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def reachable(address: Address) -> Address:
    """Return where this machine reaches what listens on an address, which may stand for every address of the machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
    return Address(host, address.port)
