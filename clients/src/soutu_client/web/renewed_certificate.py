"""A certificate that is renewed while the page is served: the next connections are shown the new one."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["follow_certificate"]


def follow_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have a server's context look, at each connection, whether its certificate was replaced.

    What cannot be used, such as a certificate whose key is still to be written, is left for a later connection.

    Args:
        context: Of the server, with what the files hold now.
        certificate: File (PEM).
        key: File of its private key (PEM).
    """
    held = _stamp(certificate, key)

    def look(_connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        nonlocal held
        found = _stamp(certificate, key)
        if found is None or found == held:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                certificate, key
            )  # a pair? or the one in use would be spoiled
            context.load_cert_chain(certificate, key)
        except (OSError, ValueError):  # ssl's errors are among them
            return
        held = found

    context.sni_callback = look  # called for each connection, whether it names a server or not


def _stamp(*paths: Path) -> tuple[tuple[int, int], ...] | None:
    try:
        return tuple((found.st_mtime_ns, found.st_ino) for found in (path.stat() for path in paths))
    except OSError:
        return None
