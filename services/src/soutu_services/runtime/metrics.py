"""Prometheus metrics of calls, and the HTTP server that shows all metrics of the process."""

from __future__ import annotations

import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app

from soutu_services.runtime.tls import ServerCertificate

__all__ = ["CALLS", "CALLS_IN_PROGRESS", "CALL_SECONDS", "REFUSALS", "MetricsServer"]

CALLS = Counter("soutu_grpc_calls_total", "gRPC calls that ended, by method and status code.", ["method", "code"])
REFUSALS = Counter("soutu_grpc_refusals_total", "gRPC calls that ended with an error that says why, by its reason.", ["reason"])
CALLS_IN_PROGRESS = Gauge("soutu_grpc_calls_in_progress", "gRPC calls being answered now, by method.", ["method"])
CALL_SECONDS = Histogram(
    "soutu_grpc_call_seconds",
    "Seconds from the start of a call's handler to its end, by method.",
    ["method"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)

_SILENCE_SECONDS = 20.0


class _HttpServer(ThreadingMixIn, WSGIServer):
    """Answers each connection on a thread of its own, so that one who says nothing keeps nobody waiting."""

    daemon_threads = True
    certificate: ServerCertificate | None = None

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        connection.settimeout(_SILENCE_SECONDS)
        return (self.certificate.wrap(connection) if self.certificate else connection), address

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a scanner that speaks no HTTP, or does not trust the certificate, is no news."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log no request: Prometheus asks every few seconds."""


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]


class MetricsServer:
    """Serves the process's metrics over HTTP, or HTTPS, until it is stopped."""

    def __init__(self, host: str, port: int, *, certificate: ServerCertificate | None = None) -> None:
        """Start to listen; port 0 takes a free one.

        Args:
            host: Name or number of the interface.
            port: Port.
            certificate: Serves HTTPS with it; None: HTTP.

        Raises:
            OSError: the address cannot be bound.
        """
        kind = type("_Server", (_HttpServer,), {"address_family": _family(host, port), "certificate": certificate})
        self._server: WSGIServer = make_server(host, port, make_wsgi_app(), kind, _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics")
        self._thread.start()
        self.port: int = self._server.server_port

    def stop(self) -> None:
        """Stop to listen and join the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
