"""What keeps strangers out: headers of each answer, and requests that no page of ours and no program of the house makes.

The cookie is sent by a browser whoever asks it to. Requests that change something need a header that a page elsewhere cannot
send without being asked first (OWASP, Cross-Site Request Forgery Prevention: custom request headers), or carry their token
themselves. Names are held to the known ones against DNS rebinding.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soutu_client._language import Text
from soutu_client.web.callers import language_of
from soutu_client.web.errors import problem_response
from soutu_client.web.settings import WebSettings

__all__ = ["CSRF_HEADER", "Protection"]

CSRF_HEADER = "x-soutu"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_CSRF = Text(
    zh="请求缺少 X-Soutu 头，没有执行：程序请加上 X-Soutu: 1",
    en="the request has no X-Soutu header and was not carried out; programs send X-Soutu: 1",
)
_HOST = Text(
    zh="不认识这个地址“{host}”：请用本机的 IP 打开，或把名字写进 SOUTU_WEB_HOSTS",
    en='"{host}" is not a known name of this server: open it by its IP address, or put the name into SOUTU_WEB_HOSTS',
)


class Protection:
    """ASGI middleware around everything.

    Args:
        application: What is protected.
        settings: By which names the server is known.
    """

    def __init__(self, application: ASGIApp, settings: WebSettings) -> None:
        self._application = application
        self._known = settings.known_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers, request = Headers(scope=scope), Request(scope)
        host = _host_name(headers.get("host", ""))
        if not self._is_known(host):
            refused = problem_response(421, "UNKNOWN_HOST", _HOST.to(language_of(request)).format(host=host[:100]))
            await refused(scope, receive, send_protected)
        elif scope["method"] not in _SAFE and not _shows_intent(headers):
            await problem_response(403, "CSRF", _CSRF.to(language_of(request)))(scope, receive, send_protected)
        else:
            await self._application(scope, receive, send_protected)

    def _is_known(self, host: str) -> bool:
        if host in self._known or host == "localhost" or host.endswith((".local", ".localhost", ".lan", ".home.arpa")):
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


def _shows_intent(headers: Headers) -> bool:
    return CSRF_HEADER in headers or headers.get("authorization", "").lower().startswith("bearer ")


def _host_name(host: str) -> str:
    name = host.strip().lower()
    return name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
