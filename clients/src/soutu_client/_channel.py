"""The gRPC channel to the search service: address, TLS, limits, retries and keepalive, decided here alone."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field

import grpc
import grpc.experimental

from soutu_client._errors import InvalidInputError, NotTrustedError
from soutu_client._language import Language, Text
from soutu_client._login import Login

__all__ = ["ADDRESS_VARIABLE", "DEFAULT_ADDRESS", "Endpoint", "endpoint_of", "is_same_place", "open_channel"]

ADDRESS_VARIABLE = "SOUTU_ADDRESS"
DEFAULT_ADDRESS = "127.0.0.1:8401"

_DEFAULT_PORT = 8401
_TLS, _PLAIN = "tls://", "plain://"
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_KEEPALIVE_MS = 20_000
_KEEPALIVE_TIMEOUT_MS = 10_000
"""How long a machine that lost its power or its cable may leave a call unanswered before it is connected to anew."""
_RESOLVE_AGAIN_MS = 1_000

# What only reads, or does the same when it is done twice. Uploads, deletions and imports are not repeated unseen.
_IDEMPOTENT = {
    "soutu.search.v1.SearchService": ("SearchPhotos",),
    "soutu.search.v1.PhotoService": (
        "FindContents",
        "GetPhoto",
        "BatchGetPhotos",
        "ListPhotos",
        "SummarizePhotos",
        "ReadOriginal",
        "GetThumbnail",
    ),
    "soutu.search.v1.AccessService": ("GetAccess", "ListTokens"),
    "soutu.search.v1.LibraryService": (
        "GetJob",
        "ListJobs",
        "WatchJob",
        "GetStatus",
        "ListNearDuplicates",
        "ExportEmbeddings",
    ),
}

_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

_BAD_ADDRESS = Text(
    zh="地址“{address}”不对：请写成 主机:端口，例如 nas.local:8401",
    en='"{address}" is not an address: write host:port, for instance nas.local:8401',
)
_PLAINTEXT_REFUSED = Text(
    zh="到 {address} 的连接没有加密，令牌不会发出去：请用 SOUTU_AUTHORITY（或 --authority）指出家里的 ca.pem；"
    "若确实信任这个网络，设 SOUTU_ALLOW_PLAINTEXT=1",
    en="the connection to {address} is not encrypted, so the token is not sent: name the home's ca.pem in SOUTU_AUTHORITY (or"
    " with --authority), or, in a network that you trust, set SOUTU_ALLOW_PLAINTEXT=1",
)


@dataclass(frozen=True)
class Endpoint:
    """Where the service answers, and how it is spoken to.

    Attributes:
        target: ``host:port``.
        is_tls: Whether with TLS.
        authority: Certificates (PEM) by which it is known; None: the system's.
        known_as: Name that its certificate has to be for; empty: the target's own.
    """

    target: str
    is_tls: bool
    authority: bytes | None = field(default=None, repr=False)
    known_as: str = ""

    @property
    def host(self) -> str:
        """Name or number of the machine."""
        return self.target.rpartition(":")[0].strip("[]")

    @property
    def certified_name(self) -> str:
        """Name or number that its certificate has to be for."""
        return self.known_as or self.host

    @property
    def port(self) -> int:
        """Port of the service."""
        return int(self.target.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent stays on this machine."""
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host == "localhost"


def endpoint_of(address: str, login: Login, language: Language) -> Endpoint:
    """Read an address; soutu's own port where none is given.

    Accepts a name, an IPv4 address, or an IPv6 address in brackets, each with or without a port. With an authority the
    connection uses TLS; ``tls://`` or ``plain://`` in front says it whatever the authority.

    Raises:
        InvalidInputError: It is none of these.
        NotTrustedError: A token would leave this machine unencrypted, and nobody allowed that.
    """
    written = address.strip()
    is_tls = written.startswith(_TLS) or (login.authority is not None and not written.startswith(_PLAIN))
    bare = written.removeprefix(_TLS).removeprefix(_PLAIN)
    match = re.fullmatch(r"(?P<host>[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+(%\w+)?\])(:(?P<port>[0-9]{1,5}))?", bare)
    port = int(match["port"] or _DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInputError(_BAD_ADDRESS.to(language).format(address=address), reason="BAD_ADDRESS")
    endpoint = Endpoint(f"{match['host']}:{port}", is_tls, login.authority if is_tls else None)
    if login.token and not (is_tls or endpoint.is_loopback or login.allow_plaintext):
        message = _PLAINTEXT_REFUSED.to(language).format(address=endpoint.target)
        raise NotTrustedError(message, reason="PLAINTEXT_REFUSED")
    return endpoint


def is_same_place(one: str, other: str, language: Language) -> bool:
    """Whether two addresses name the same service, however they are written.

    Raises:
        InvalidInputError: One is no address.
    """
    targets = {endpoint_of(address, Login(), language).target.lower() for address in (one, other)}
    return len(targets) == 1


def open_channel(endpoint: Endpoint) -> grpc.Channel:
    """Open a channel; it connects at the first call and again by itself.

    Reconnecting is tried every few seconds (gRPC's own default backs off to two minutes), so that a service that was
    restarted is found soon. Proxies are for the Internet, not for the home: none is used.
    """
    names = [{"service": service, "method": method} for service, methods in _IDEMPOTENT.items() for method in methods]
    config = {"methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}]}
    options: list[tuple[str, object]] = [
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 2_000),
        ("grpc.max_reconnect_backoff_ms", 3_000),
        ("grpc.dns_min_time_between_resolutions_ms", _RESOLVE_AGAIN_MS),  # or a machine that moved is not found for half a minute
        ("grpc.enable_http_proxy", 0),
        # A stream is read by its caller, without a thread of gRPC's. An interrupt between the start of a call and that of
        # the thread would leave a call that nobody reads the end of, and closing the channel waits for it forever.
        (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
    ]
    if endpoint.known_as:
        options.append(("grpc.ssl_target_name_override", endpoint.known_as))
    if endpoint.is_tls:
        return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(endpoint.authority), options=options)
    return grpc.insecure_channel(endpoint.target, options=options)
