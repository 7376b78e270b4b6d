"""``soutu-web``: serve the page."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable

import uvicorn
from pydantic import ValidationError

from soutu_client._errors import SoutuError
from soutu_client._language import Text, preferred_language
from soutu_client.client import Client
from soutu_client.web.application import create_application
from soutu_client.web.renewed_certificate import follow_certificate
from soutu_client.web.settings import WebSettings

__all__ = ["main"]

_BAD_SETTING = Text(zh="{name} 不对，请改正：{why}", en="{name} is not right, correct it: {why}")
_PLAINTEXT = Text(
    zh="{listen} 不加密，别的机器也能连到，因此没有启动：请给证书（SOUTU_WEB_TLS__CERTIFICATE、SOUTU_WEB_TLS__KEY），"
    "或者，若确实信任这个网络，设 SOUTU_WEB_ALLOW_PLAINTEXT=1",
    en="{listen} would be reached by other machines without encryption, so nothing was started: give a certificate "
    "(SOUTU_WEB_TLS__CERTIFICATE, SOUTU_WEB_TLS__KEY) or, in a network that you trust, set SOUTU_WEB_ALLOW_PLAINTEXT=1",
)
_NO_WAY = Text(zh="连不到搜索服务，没有启动：{why}", en="the search service cannot be reached, so nothing was started: {why}")
_LOUD = Text(
    zh="注意：网页不加密，家里网络上的人能看到照片和令牌（SOUTU_WEB_ALLOW_PLAINTEXT=1）",
    en="CAUTION: the page is not encrypted; whoever is in the network can see photos and tokens (SOUTU_WEB_ALLOW_PLAINTEXT=1)",
)
_SERVING = Text(zh="网页在 {url}", en="the page is at {url}")


def main() -> int:
    """Serve until interrupted; return the exit status."""
    language = preferred_language(os.environ)
    try:
        settings = WebSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        name = name if name.startswith("SOUTU_") else f"SOUTU_WEB_{name}".rstrip("_")
        sys.stderr.write(_BAD_SETTING.to(language).format(name=name, why=first["msg"]) + "\n")
        return 2
    if not (settings.is_tls or settings.is_loopback):
        if not settings.allow_plaintext:
            sys.stderr.write(_PLAINTEXT.to(language).format(listen=settings.listen) + "\n")
            return 2
        sys.stderr.write(_LOUD.to(language) + "\n")
    try:
        Client(settings.address or None, token="", authority=settings.authority, language=language).close()
    except (SoutuError, OSError) as error:
        sys.stderr.write(_NO_WAY.to(language).format(why=error) + "\n")
        return 2

    def following(_config: uvicorn.Config, make_context: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        context = make_context()
        if settings.certificate is not None and settings.key is not None:
            follow_certificate(context, settings.certificate, settings.key)
        return context

    url = f"{'https' if settings.is_tls else 'http'}://{settings.listen}"
    sys.stderr.write(_SERVING.to(language).format(url=url) + "\n")
    uvicorn.run(
        create_application(settings),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        ssl_context_factory=following if settings.is_tls else None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
