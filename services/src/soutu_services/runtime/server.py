"""The gRPC server that every service runs in: health, reflection, metrics, limits, errors, a graceful stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import BaseModel, ConfigDict, Field

from soutu_services.runtime.access import Scope
from soutu_services.runtime.addresses import Address, CannotListen, PortInUse, cannot_listen, check_free
from soutu_services.runtime.authentication import Authenticator
from soutu_services.runtime.interceptors import CallInterceptor
from soutu_services.runtime.metrics import MetricsServer
from soutu_services.runtime.tls import PlaintextRefused, ServerCertificate, TlsSettings

__all__ = [
    "CannotListen",
    "PortInUse",
    "RunningServer",
    "ServedService",
    "ServerSettings",
    "check_listening",
    "serve_until_signal",
    "start_server",
]

_logger = logging.getLogger(__name__)

_KEEPALIVE_TIMEOUT_MS = 20_000
_LOOK_SECONDS = 0.25
"""How soon a signal is seen."""


@dataclass(frozen=True, slots=True)
class ServedService:
    """A gRPC service to serve.

    Attributes:
        name: Full proto name, for instance ``soutu.search.v1.SearchService``.
        add: Adds the servicer to a server, for instance ``lambda s: add_SearchServiceServicer_to_server(servicer, s)``.
        scopes: What each method needs, by its name, for instance ``SearchPhotos``. A method that is missing here needs ADMIN.
    """

    name: str
    add: Callable[[grpc.Server], None]
    scopes: Mapping[str, Scope] = field(default_factory=dict)


class ServerSettings(BaseModel):
    """How a server listens and how much it takes at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: str = Field("127.0.0.1:0", description="Address of gRPC, host:port; port 0 takes a free one.")
    metrics_listen: str = Field("127.0.0.1:0", description="Address of the metrics over HTTP; empty: no metrics.")
    tls: TlsSettings = Field(default_factory=TlsSettings, description="Certificate and key; unset: no TLS.")
    allow_plaintext: bool = Field(False, description="Whether it may listen beyond this machine without TLS.")
    workers: int = Field(16, ge=1, description="Calls answered at once; each has a thread.")
    waiting_calls: int = Field(64, ge=0, description="Calls that wait for a worker; more are refused (RESOURCE_EXHAUSTED).")
    max_message_bytes: int = Field(64 * 1024 * 1024, ge=4096, description="Largest message, in bytes, in both directions.")
    calls_per_client: int = Field(0, ge=0, description="Calls of one client (token or machine) at once; 0: 3 of 4 workers.")
    max_metadata_bytes: int = Field(16 * 1024, ge=1024, description="Largest metadata of a call, in bytes.")
    keepalive_seconds: int = Field(60, ge=1, description="Silence after which a client is asked whether it is there.")
    grace_seconds: float = Field(10.0, ge=0, description="How long calls may take to end when the server stops.")

    @property
    def most_calls_per_client(self) -> int:
        """Calls that one client may have under way."""
        return self.calls_per_client or self.workers - self.workers // 4

    @property
    def most_health_calls(self) -> int:
        """Health calls, which need no token, that may wait for their request: each holds a worker until it comes."""
        return max(1, self.workers // 4)


class RunningServer:
    """A server that answers calls until it is stopped.

    Attributes:
        address: Where gRPC answers, ``host:port`` with the real port.
        metrics_address: Where the metrics are, ``host:port``; empty when there are none.
    """

    def __init__(
        self,
        server: grpc.Server,
        pool: ThreadPoolExecutor,
        interceptor: CallInterceptor,
        health_servicer: health.HealthServicer,
        metrics: MetricsServer | None,
        *,
        address: str,
        metrics_address: str,
        grace_seconds: float,
    ) -> None:
        self.address = address
        self.metrics_address = metrics_address
        self._server = server
        self._pool = pool
        self._interceptor = interceptor
        self._health = health_servicer
        self._metrics = metrics
        self._grace_seconds = grace_seconds
        self._stopping = threading.Lock()
        self._stopped = threading.Event()

    def set_serving(self, name: str, serving: bool) -> None:
        """Tell the health of one service, or with an empty name of the whole server."""
        status = health_pb2.HealthCheckResponse
        self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    def stop(self, grace_seconds: float | None = None) -> None:
        """Say NOT_SERVING, take no new calls, let those that run end, then stop. A second call waits for the first.

        Args:
            grace_seconds: How long running calls may take; what runs longer is cancelled. None: as the settings say.
        """
        grace = self._grace_seconds if grace_seconds is None else grace_seconds
        with self._stopping:
            if self._stopped.is_set():
                return
            self._health.enter_graceful_shutdown()
            ended = self._server.stop(grace)
            self._interceptor.wait_until_idle(grace)
            # A health Watch never ends by itself: when only such calls are left, there is nothing to wait for.
            self._server.stop(0)
            ended.wait()
            self._pool.shutdown(wait=True)
            if self._metrics is not None:
                self._metrics.stop()
            self._stopped.set()

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self._stopped.wait()


def start_server(
    services: Sequence[ServedService], settings: ServerSettings, *, package: str, authenticator: Authenticator | None = None
) -> RunningServer:
    """Start a gRPC server with health, reflection and metrics beside the services.

    Args:
        services: What to serve.
        settings: Addresses and limits.
        package: Proto package of the services, for the log and the reflection's order, for instance ``soutu.search.v1``.
        authenticator: Says what the caller of each call may do; None: anyone may do everything.

    Raises:
        PortInUse: another program listens on one of the addresses.
        CannotListen: one of the addresses cannot be listened on.
        InvalidInput: one of the addresses is not ``host:port``.
        PlaintextRefused: one of the addresses is beyond this machine, without TLS, and nobody allowed that.
        TlsProblem: the certificate or its key cannot be used.
    """
    certificate = check_listening(settings)
    address = Address.parse(settings.listen)
    metrics, metrics_address = _start_metrics(settings.metrics_listen, certificate)
    scopes = {f"/{service.name}/{method}": scope for service in services for method, scope in service.scopes.items()}
    interceptor = CallInterceptor(
        scopes, authenticator, calls_per_client=settings.most_calls_per_client, health_calls=settings.most_health_calls
    )
    pool = ThreadPoolExecutor(settings.workers, thread_name_prefix=f"{package}-call")
    server = grpc.server(
        pool,
        interceptors=[interceptor],
        maximum_concurrent_rpcs=settings.workers + settings.waiting_calls,
        options=[
            ("grpc.so_reuseport", 0),  # or a second server would take every other call, unnoticed
            ("grpc.max_send_message_length", settings.max_message_bytes),
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_metadata_size", settings.max_metadata_bytes),
            ("grpc.absolute_max_metadata_size", settings.max_metadata_bytes),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),  # clients may ask whether a machine sleeps
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.keepalive_time_ms", settings.keepalive_seconds * 1000),  # and one that went away gives its calls' workers back
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.http2.max_pings_without_data", 0),  # or only the first two questions would be asked
        ],
    )
    # Watch is answered without a worker thread, so that watchers cannot use them up.
    health_servicer = health.HealthServicer(experimental_non_blocking=True)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    for service in services:
        service.add(server)
        health_servicer.set(service.name, health_pb2.HealthCheckResponse.SERVING)
    names = sorted(service.name for service in services)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        port = _bind(server, address, certificate)
    except BaseException:
        server.stop(0).wait()
        pool.shutdown(wait=True)
        if metrics is not None:
            metrics.stop()
        raise
    server.start()
    address = address.with_port(port)
    if certificate is None and not address.is_loopback:
        _logger.warning(
            "WARNING: %s can be reached from other machines WITHOUT ENCRYPTION, because ALLOW_PLAINTEXT is set: whoever is in "
            "the network can read the photos and the tokens that pass, and use them. Set TLS__CERTIFICATE and TLS__KEY to end "
            "this.",
            address,
        )
    kind = "gRPC with TLS" if certificate else "gRPC"
    _logger.info("%s: %s on %s, metrics on %s", package, kind, address, metrics_address or "no address")
    return RunningServer(
        server,
        pool,
        interceptor,
        health_servicer,
        metrics,
        address=str(address),
        metrics_address=metrics_address,
        grace_seconds=settings.grace_seconds,
    )


def check_listening(settings: ServerSettings) -> ServerCertificate | None:
    """Check all that can keep a server from listening, and return its certificate; None: no TLS.

    Worth asking before what takes long, such as loading models.

    Raises:
        SoutuError: as ``start_server`` does.
    """
    certificate = ServerCertificate.of(settings.tls)
    for listen in filter(None, (settings.listen, settings.metrics_listen)):
        address = Address.parse(listen)
        if not address.is_loopback and certificate is None and not settings.allow_plaintext:
            raise _plaintext_refused(address)
        check_free(address)
    return certificate


def serve_until_signal(
    server: RunningServer,
    on_stop: Callable[[], None] | None = None,
    *,
    on_ready: Callable[[], None] | None = None,
    on_drain: Callable[[], None] | None = None,
    asked: threading.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C), then stop gracefully. A second signal ends the process at once.

    Must be called on the main thread.

    Args:
        server: What serves.
        on_stop: Called after the last call has ended: frees what the services hold.
        on_ready: Called once a signal stops gracefully: the moment to say that the service is ready.
        on_drain: Called before the server waits for running calls: ends streams that would not end by themselves.
        asked: Set by whoever else may ask it to stop.
    """
    asked = asked or threading.Event()
    signals: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        signals.append(number)  # not the event: its lock is held here if the signal comes as the wait for it begins
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        if on_ready is not None:
            on_ready()
        while not signals and not asked.wait(_LOOK_SECONDS):
            pass
        _logger.info("stopping")
        if on_drain is not None:
            on_drain()
        server.stop()
    finally:
        if on_stop is not None:
            on_stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    _logger.info("stopped")


def _plaintext_refused(address: Address) -> PlaintextRefused:
    return PlaintextRefused(
        "PLAINTEXT_REFUSED",
        zh=f"不会在 {address} 上不加密地对外监听。请用 soutu-certificates 生成证书并设置 SOUTU_…_TLS__CERTIFICATE 和 "
        "SOUTU_…_TLS__KEY；只在本机用就监听 127.0.0.1；若确实信任这个网络，设 SOUTU_…_ALLOW_PLAINTEXT=1",
        en=f"will not listen on {address}, beyond this machine, without encryption: make certificates with soutu-certificates "
        "and set SOUTU_…_TLS__CERTIFICATE and SOUTU_…_TLS__KEY, or listen on 127.0.0.1, or, in a network that you trust, "
        "set SOUTU_…_ALLOW_PLAINTEXT=1",
    )


def _start_metrics(listen: str, certificate: ServerCertificate | None) -> tuple[MetricsServer | None, str]:
    """Serve the metrics: to other machines with the certificate if there is one, on this machine without."""
    if not listen:
        return None, ""
    address = Address.parse(listen)
    try:
        metrics = MetricsServer(address.host, address.port, certificate=None if address.is_loopback else certificate)
    except OSError as error:
        raise cannot_listen(address, error) from error
    return metrics, str(address.with_port(metrics.port))


def _bind(server: grpc.Server, address: Address, certificate: ServerCertificate | None) -> int:
    try:
        if certificate is not None:
            return server.add_secure_port(str(address), certificate.credentials())
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        check_free(address)  # says why, when it can
        raise cannot_listen(address, OSError(str(error))) from error
