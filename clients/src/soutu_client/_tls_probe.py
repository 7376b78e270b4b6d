"""Why a connection does not come about: gRPC says only that it does not."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from soutu_client._errors import NotTrustedError
from soutu_client._language import Language, Text

if TYPE_CHECKING:
    from soutu_client._channel import Endpoint

__all__ = ["is_known", "tls_problem"]

_READ_BYTES = 16 * 1024
_SECONDS = 3.0
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = frozenset({62, 64})
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})

_PLAIN_SERVER = Text(
    zh="{address} 上的服务没有使用 TLS：请给它设置证书；若它只在信任的网络里用，地址写成 plain://{address}",
    en="the service at {address} does not speak TLS: give it a certificate, or, in a network that you trust, write"
    " plain://{address}",
)
_TLS_SERVER = Text(
    zh="{address} 上的服务要求 TLS：请用 SOUTU_AUTHORITY（或 --authority）指出家里的 ca.pem",
    en="the service at {address} wants TLS: name the home's ca.pem in SOUTU_AUTHORITY (or with --authority)",
)
_ENDED = Text(
    zh="{address} 的证书已过期：请在家里的证书文件夹上运行 soutu-certificates 续期",
    en="the certificate of {address} has ended: renew it with soutu-certificates",
)
_TOO_EARLY = Text(
    zh="{address} 的证书还没有生效：请检查两台机器的时钟",
    en="the certificate of {address} is not valid yet: check the clocks of both machines",
)
_OTHER_NAME = Text(
    zh="{address} 的证书上没有 {host}：请换用它上面的名字，或运行 soutu-certificates --host {host}",
    en="the certificate of {address} does not name {host}: connect by a name that it holds, or make one with"
    " soutu-certificates --host {host}",
)
_OTHER_AUTHORITY = Text(
    zh="{address} 的证书不是这个家的证书机构签发的：请检查 ca.pem 是否是同一份（也可能有人冒充）",
    en="the certificate of {address} is not by the home's authority: check that both have the same ca.pem (or somebody"
    " poses as it)",
)
_OTHERWISE = Text(zh="{address} 的证书不可信（{why}）", en="the certificate of {address} cannot be trusted ({why})")


def tls_problem(endpoint: Endpoint, language: Language) -> NotTrustedError | None:
    """Ask a server what of TLS keeps us from it; None if it is not TLS."""
    text, why = _find(endpoint)
    if text is None:
        return None
    message = text.to(language).format(address=endpoint.target, host=endpoint.host, why=why)
    return NotTrustedError(message, reason="NOT_TRUSTED")


def is_known(endpoint: Endpoint) -> bool:
    """Whether a server answers there, and shows a certificate that the endpoint's authority vouches for."""
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=_SECONDS) as connection:
            connection.settimeout(_SECONDS)
            _shake_hands(connection, _context(endpoint), endpoint.certified_name)
    except (OSError, ValueError):  # ssl's are among them; ValueError: what no name of a host can be, or no authority
        return False
    return True


def _find(endpoint: Endpoint) -> tuple[Text | None, str]:
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=_SECONDS) as connection:
            _shake_hands(connection, _context(endpoint), endpoint.certified_name)
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(error.verify_code), error.verify_message
    except ssl.SSLError:
        return (_PLAIN_SERVER if endpoint.is_tls else None), ""
    except OSError:
        return None, ""
    return (None if endpoint.is_tls else _TLS_SERVER), ""


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


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return a context that verifies as the channel does; without TLS, one that only finds out whether there is any."""
    if not endpoint.is_tls:
        believing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        believing.check_hostname = False
        believing.verify_mode = ssl.CERT_NONE
        return believing
    if endpoint.authority is None:
        return ssl.create_default_context()
    return ssl.create_default_context(cadata=endpoint.authority.decode("ascii", "ignore"))


def _of_certificate(code: int) -> Text:
    if code == _EXPIRED:
        return _ENDED
    if code == _NOT_YET_VALID:
        return _TOO_EARLY
    if code in _WRONG_NAME:
        return _OTHER_NAME
    return _OTHER_AUTHORITY if code in _UNKNOWN_AUTHORITY else _OTHERWISE
