"""Channels to other services: with TLS, and with a token, which never leaves the machine in plain text unless told so.

Addresses are written ``host:port``, which means TLS where an authority is set; ``tls://host:port`` or ``plain://host:port`` say
it themselves. Proxies are for the Internet, not for the home: none is used, whatever ``http_proxy`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pydantic import SecretStr

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.authentication import authorization
from soutu_services.runtime.tls import PlaintextRefused, read_authority

__all__ = ["NO_PROXY", "Peer", "PeerAccess", "open_channel", "peer_of"]

NO_PROXY = ("grpc.enable_http_proxy", 0)
"""gRPC option of every channel: or a proxy of the Internet would be asked for the home's machines, even for this one."""

_TLS, _PLAIN = "tls://", "plain://"


@dataclass(frozen=True, slots=True)
class PeerAccess:
    """How other services are entered.

    Attributes:
        authority: Certificate (PEM) by which they are known; None: the system's, and no TLS unless the address says so.
        token: What they are shown; None: nothing.
        allow_plaintext: Whether what goes to other machines may go unencrypted.
    """

    authority: Path | None = None
    token: SecretStr | None = None
    allow_plaintext: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """Where another service answers, and whether with TLS."""

    address: Address
    is_tls: bool

    @property
    def is_exposed(self) -> bool:
        """Whether what is sent can be read on the way."""
        return not self.is_tls and not self.address.is_loopback


def peer_of(address: str, access: PeerAccess) -> Peer:
    """Read an address.

    Raises:
        InvalidInput: it is none.
    """
    is_tls = address.startswith(_TLS) or (access.authority is not None and not address.startswith(_PLAIN))
    return Peer(Address.parse(address.removeprefix(_TLS).removeprefix(_PLAIN)), is_tls)


def open_channel(address: str, access: PeerAccess, *, options: Sequence[tuple[str, Any]] = ()) -> grpc.Channel:
    """Open a channel whose calls present the token; it connects at the first call.

    Raises:
        InvalidInput: the address is none.
        TlsProblem: the authority's file cannot be used.
        PlaintextRefused: it would lead to another machine without TLS, and nobody allowed that.
    """
    peer = peer_of(address, access)
    if peer.is_exposed and not access.allow_plaintext:
        raise PlaintextRefused(
            "PLAINTEXT_REFUSED",
            zh=f"到 {peer.address} 的连接没有加密，因此不连。请设置 SOUTU_SEARCH_TLS__AUTHORITY"
            "（证书由 soutu-certificates 生成）；若确实信任这个网络，设 SOUTU_SEARCH_ALLOW_PLAINTEXT=1",
            en=f"the connection to {peer.address} would not be encrypted, so it is not made: set SOUTU_SEARCH_TLS__AUTHORITY "
            "(see soutu-certificates), or SOUTU_SEARCH_ALLOW_PLAINTEXT=1 if you trust the network",
        )
    target = str(peer.address)
    if peer.is_tls:
        roots = read_authority(access.authority) if access.authority is not None else None
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options=[NO_PROXY, *options])
    else:
        channel = grpc.insecure_channel(target, options=[NO_PROXY, *options])
    if access.token is None:
        return channel
    return grpc.intercept_channel(channel, _Presenting(access.token))


class _Presenting(grpc.UnaryUnaryClientInterceptor):
    """Adds the token to each call. The services call each other with one message and one answer only."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        """Make the call with the token."""
        return continuation(_WithToken(client_call_details, authorization(self._token.get_secret_value())), request)


class _WithToken(grpc.ClientCallDetails):
    def __init__(self, details: grpc.ClientCallDetails, pair: tuple[str, str]) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), pair)
        self.credentials = details.credentials
        self.wait_for_ready = getattr(details, "wait_for_ready", None)
        self.compression = getattr(details, "compression", None)
