"""Ask the web server of this machine whether it serves: ``python -m soutu_client.web.health``, for containers and scripts.

It reads the server's own variables, so that it asks where that listens, with https if it has a certificate.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys

from pydantic import ValidationError

from soutu_client._language import Text, preferred_language
from soutu_client.web.settings import WebSettings

__all__ = ["main"]

_SECONDS = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_SILENT = Text(zh="{address} 上的网页没有应答：{why}", en="the page at {address} does not answer: {why}")


def main() -> int:
    """Return 0 if the page is served; else 1, with one line on standard error that says why."""
    try:
        settings = WebSettings()
    except ValidationError as error:
        sys.stderr.write(f"{error.errors()[0]['msg']}\n")
        return 1
    host = _EVERYWHERE.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=_SECONDS)
    try:
        if settings.is_tls:
            context = ssl.create_default_context(cafile=settings.authority)
            connection = http.client.HTTPSConnection(host, settings.port, timeout=_SECONDS, context=context)
        connection.request("GET", "/")
        answer = connection.getresponse()
        if answer.status == http.HTTPStatus.OK:
            return 0
        why = f"HTTP {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
    finally:
        connection.close()
    sys.stderr.write(_SILENT.to(preferred_language(os.environ)).format(address=f"{host}:{settings.port}", why=why) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
