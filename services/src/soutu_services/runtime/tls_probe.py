"""Why a connection does not come about: gRPC says only that it does not."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.channels import PeerAccess, peer_of
from soutu_services.runtime.language import Text
from soutu_services.runtime.tls import verifying_context

__all__ = ["explain_connection", "explain_unavailable"]

_READ_BYTES = 16 * 1024
_SECONDS = 3.0
_HINTS = ("handshake", "SSL", "TSI_", "Verification", "Socket closed", "certificate")
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = frozenset({62, 64})
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})


def explain_unavailable(details: str, address: str, access: PeerAccess) -> Text | None:
    """Say what of TLS made a call ``UNAVAILABLE``; None if it was not TLS.

    Args:
        details: What gRPC says of the call; only if it hints at TLS is the server asked.
        address: The server, as it was written for ``open_channel``.
        access: How it is entered.
    """
    if not any(hint in details for hint in _HINTS):
        return None
    peer = peer_of(address, access)
    return explain_connection(peer.address, is_tls=peer.is_tls, authority=access.authority)


def explain_connection(address: Address, *, is_tls: bool, authority: Path | None) -> Text | None:
    """Say what of TLS keeps a client from a server; None if it is not TLS.

    Args:
        address: The server.
        is_tls: Whether the client speaks TLS.
        authority: By which it knows the server.
    """
    try:
        context = verifying_context(authority) if is_tls else _believing()
        with socket.create_connection((address.host, address.port), timeout=_SECONDS) as connection:
            _shake_hands(connection, context, address.host)
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(address, error)
    except ssl.SSLError:
        return _plain_server(address) if is_tls else None
    except OSError:
        return None
    return None if is_tls else _tls_server(address)


def _shake_hands(connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
    """Shake hands over a connection that stays the caller's: ``wrap_socket`` leaves one open that is reset meanwhile.

    Raises:
        ssl.SSLError: the server's certificate or its answer is not right.
        OSError: the connection broke off.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=host)
    while True:
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            data = connection.recv(_READ_BYTES)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()
        else:
            return


def _believing() -> ssl.SSLContext:
    """Return a context that takes any certificate: it only finds out whether there is TLS; nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_certificate(address: Address, error: ssl.SSLCertVerificationError) -> Text:
    code = error.verify_code
    if code == _EXPIRED:
        return Text(
            zh=f"{address} 的证书已过期：请在那台机器上用 soutu-certificates 续期",
            en=f"the certificate of {address} has ended: renew it with soutu-certificates",
        )
    if code == _NOT_YET_VALID:
        return Text(
            zh=f"{address} 的证书还没有生效：请检查两台机器的时钟",
            en=f"the certificate of {address} is not valid yet: check the clocks of both machines",
        )
    if code in _WRONG_NAME:
        return Text(
            zh=f"{address} 的证书上没有 {address.host}：请换用它上面的名字，或运行 soutu-certificates --host {address.host}",
            en=f"the certificate of {address} does not name {address.host}: connect by a name that it holds, or make one with "
            f"soutu-certificates --host {address.host}",
        )
    if code in _UNKNOWN_AUTHORITY:
        return Text(
            zh=f"{address} 的证书不是这个家的证书机构签发的：请检查 ca.pem 是否是同一份",
            en=f"the certificate of {address} is not by the authority of this home: check that both have the same ca.pem",
        )
    return Text(
        zh=f"{address} 的证书不可信（{error.verify_message}）",
        en=f"the certificate of {address} cannot be trusted ({error.verify_message})",
    )


def _plain_server(address: Address) -> Text:
    return Text(
        zh=f"{address} 上的服务没有使用 TLS：请给它设置证书，或写成 plain://{address}",
        en=f"the service at {address} does not speak TLS: give it a certificate, or write plain://{address}",
    )


def _tls_server(address: Address) -> Text:
    return Text(
        zh=f"{address} 上的服务要求 TLS：请设置家的 ca.pem（SOUTU_SEARCH_TLS__AUTHORITY）",
        en=f"the service at {address} wants TLS: set the home's ca.pem (SOUTU_SEARCH_TLS__AUTHORITY)",
    )
