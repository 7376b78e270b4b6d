"""Serves the page for phones in the home's network.

An address is a token, good for one wish and for ten minutes; the answer to a wish carries the next. Who does not see the frame
learns nothing: all else is not found. No photo passes here.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

from soutu_client._language import Language
from soutu_client.frame.phone_page import STYLE, form_page, gone_page
from soutu_client.frame.phone_tokens import PhoneTokens
from soutu_client.frame.query import BadQueryError, Query, read_query
from soutu_client.frame.text_catalogue import say

__all__ = ["PhoneServer"]

_MOST_BYTES = 8192
_MOST_AT_ONCE = 8
_WAIT_SECONDS = 10.0
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class PhoneServer:
    """The page's server, in threads of its own.

    Args:
        host: Where to listen.
        port: Where to listen; 0: anywhere.
        queries: Those that can be chosen.
        language: Of texts where the phone asks for neither.
        choose: Told what to show.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(
        self, host: str, port: int, *, queries: Sequence[Query], language: Language, choose: Callable[[Query], None]
    ) -> None:
        self.tokens = PhoneTokens()
        self._server = _Server(host, port, _Wishes(self.tokens, tuple(queries), language, choose))
        self._host = host
        self._thread = threading.Thread(target=self._server.serve_forever, name="phone", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def is_reachable(self) -> bool:
        """Whether other machines reach it."""
        try:
            return not ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host != "localhost"

    def new_address(self, towards: str) -> str:
        """Return an address that can be used once.

        Args:
            towards: A host of the home's network, by which this machine's own address in it is told.
        """
        host = _own_address(towards) if self._host in ("0.0.0.0", "::") else self._host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/{self.tokens.make()}"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_WAIT_SECONDS)


class _Wishes:
    """What requests come to."""

    def __init__(
        self, tokens: PhoneTokens, queries: Sequence[Query], language: Language, choose: Callable[[Query], None]
    ) -> None:
        self.tokens, self.queries, self.language, self.choose = tokens, queries, language, choose

    def page(self, language: Language, token: str, said: str = "") -> str:
        return form_page(language, token, [(query.title(language), query.text) for query in self.queries], said)

    def wish(self, language: Language, text: str) -> str:
        """Do what was wished, and return the next page."""
        try:
            query = read_query(text, language)
        except BadQueryError as error:
            said = str(error)
        else:
            self.choose(query)
            said = say(language, "page.shown", query=query.title(language))
        return self.page(language, self.tokens.make(), said)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, host: str, port: int, wishes: _Wishes) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.wishes = wishes
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a phone that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "soutu", ""
    timeout: ClassVar[float] = _WAIT_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        token = self.path.removeprefix("/")
        if self.server.wishes.tokens.is_valid(token):
            self._answer(200, self.server.wishes.page(self._language, token))
        else:
            self._answer(404, gone_page(self._language, "page.gone"))

    def do_POST(self) -> None:
        said = self.headers.get("Content-Length", "")
        if not said.isascii() or not said.isdecimal() or int(said) > _MOST_BYTES:
            self._answer(413, gone_page(self._language, "page.large"))
            return
        body = self.rfile.read(int(said)).decode("utf-8", "replace")
        if not self.server.wishes.tokens.spend(self.path.removeprefix("/")):
            self._answer(404, gone_page(self._language, "page.gone"))
            return
        try:
            values = parse_qs(body, max_num_fields=4, encoding="utf-8", errors="replace")
        except ValueError:
            values = {}
        self._answer(200, self.server.wishes.wish(self._language, values.get("q", [""])[0]))

    def _answer(self, status: int, page: str) -> None:
        body = page.encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    @property
    def _language(self) -> Language:
        first = self.headers.get("Accept-Language", "").strip().lower()
        if first.startswith("zh"):
            return "zh"
        return "en" if first.startswith("en") else self.server.wishes.language

    def log_message(self, format: str, *args: Any) -> None:
        """Write no line: the address is a secret."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request without a word of what is wrong inside."""
        del message, explain
        with suppress(OSError):
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
        self.close_connection = True


def _own_address(towards: str) -> str:
    """Return this machine's address in the network that leads to a host; nothing is sent."""
    for host in (towards, "192.0.2.1"):
        with suppress(OSError, UnicodeError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            own = str(probe.getsockname()[0])
            if not own.startswith("127."):
                return own
    return socket.gethostname()
