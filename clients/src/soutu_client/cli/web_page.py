"""Where the web page of a library is."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

from soutu_client._channel import Endpoint

__all__ = ["page_answers", "page_urls"]

_PORT = 8400
_SECONDS = 3.0
_MOST_BYTES = 100_000


def page_urls(endpoint: Endpoint) -> list[str]:
    """Return where the page may be, the likeliest first: on the search service's machine, at the port it has by default."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    schemes = ("https", "http") if endpoint.is_tls else ("http", "https")
    return [f"{scheme}://{host}:{_PORT}/" for scheme in (schemes if endpoint.is_loopback else schemes[:1])]


def page_answers(url: str, endpoint: Endpoint) -> bool:
    """Whether soutu's page is there."""
    authority = endpoint.authority.decode("ascii") if endpoint.authority is not None else None
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=authority)))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=_SECONDS) as answer:
            return b"soutu" in answer.read(_MOST_BYTES)
    except (urllib.error.URLError, OSError, ValueError):
        return False
