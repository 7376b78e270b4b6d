"""Whether a program answers."""

from __future__ import annotations

import socket

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from soutu_services.runtime.addresses import Address

__all__ = ["answers_grpc", "answers_tcp"]

_PROBE_SECONDS = 1.0


def answers_tcp(address: Address) -> bool:
    """Say whether something listens on an address."""
    try:
        with socket.create_connection((_reachable_host(address), address.port), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False


def answers_grpc(address: Address) -> bool:
    """Ask a service's health (grpc.health.v1) and say whether it serves."""
    if not answers_tcp(address):  # or gRPC would back off and be told late
        return False
    target = str(Address(_reachable_host(address), address.port))
    with grpc.insecure_channel(target) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _reachable_host(address: Address) -> str:
    """Return where to reach what listens on every address of this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
