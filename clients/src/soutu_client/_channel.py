"""The gRPC channel to the search service: address, limits, retries and keepalive, decided here alone."""

from __future__ import annotations

import json
import re

import grpc
import grpc.experimental

from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text

__all__ = ["ADDRESS_VARIABLE", "DEFAULT_ADDRESS", "full_address", "open_channel"]

ADDRESS_VARIABLE = "SOUTU_ADDRESS"
DEFAULT_ADDRESS = "127.0.0.1:8401"

_DEFAULT_PORT = 8401
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_KEEPALIVE_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 20_000

# What only reads, or does the same when it is done twice. Uploads, deletions and imports are not repeated unseen.
_IDEMPOTENT = {
    "soutu.search.v1.SearchService": ("SearchPhotos",),
    "soutu.search.v1.PhotoService": (
        "FindContents",
        "GetPhoto",
        "BatchGetPhotos",
        "ListPhotos",
        "ReadOriginal",
        "GetThumbnail",
    ),
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


def full_address(address: str, language: Language) -> str:
    """Return ``host:port``, with soutu's own port where none is given.

    Accepts a name, an IPv4 address, or an IPv6 address in brackets, each with or without a port.

    Raises:
        InvalidInputError: It is none of these.
    """
    match = re.fullmatch(r"(?P<host>[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+(%\w+)?\])(:(?P<port>[0-9]{1,5}))?", address.strip())
    port = int(match["port"] or _DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInputError(_BAD_ADDRESS.to(language).format(address=address), reason="BAD_ADDRESS")
    return f"{match['host']}:{port}"


def open_channel(address: str) -> grpc.Channel:
    """Open a channel; it connects at the first call and again by itself.

    Reconnecting is tried every few seconds (gRPC's own default backs off to two minutes), so that a service that was
    restarted is found soon. Proxies are for the Internet, not for the home: none is used.
    """
    names = [{"service": service, "method": method} for service, methods in _IDEMPOTENT.items() for method in methods]
    config = {"methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}]}
    return grpc.insecure_channel(
        address,
        options=[
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.service_config", json.dumps(config)),
            ("grpc.enable_retries", 1),
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.min_reconnect_backoff_ms", 2_000),
            ("grpc.max_reconnect_backoff_ms", 3_000),
            ("grpc.enable_http_proxy", 0),
            # A stream is read by its caller, without a thread of gRPC's. An interrupt between the start of a call and that of
            # the thread would leave a call that nobody reads the end of, and closing the channel waits for it forever.
            (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
        ],
    )
