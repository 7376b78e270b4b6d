"""Prometheus metrics of calls, and the HTTP server that shows all metrics of the process."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import Counter, Gauge, Histogram, start_http_server

__all__ = ["CALLS", "CALLS_IN_PROGRESS", "CALL_SECONDS", "MetricsServer"]

CALLS = Counter("soutu_grpc_calls_total", "gRPC calls that ended, by method and status code.", ["method", "code"])
CALLS_IN_PROGRESS = Gauge("soutu_grpc_calls_in_progress", "gRPC calls being answered now, by method.", ["method"])
CALL_SECONDS = Histogram(
    "soutu_grpc_call_seconds",
    "Seconds from the start of a call's handler to its end, by method.",
    ["method"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)


class MetricsServer:
    """Serves the process's metrics over HTTP until it is stopped."""

    def __init__(self, host: str, port: int) -> None:
        """Start to listen; port 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        self._server: WSGIServer
        self._thread: threading.Thread
        self._server, self._thread = start_http_server(port, host)
        self.port: int = self._server.server_port

    def stop(self) -> None:
        """Stop to listen and join the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
