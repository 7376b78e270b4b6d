"""A proxy in front of a real S3 server that fails as networks, disks and servers do, when a test says so."""

from __future__ import annotations

import contextlib
import enum
import functools
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import urllib3

from object_store import ObjectServer
from patience import PATIENCE
from soutu_services.search.settings import StoreSettings
from soutu_services.search.store_pool import StorePool

__all__ = ["Fault", "FaultyStore", "faulty_store"]


class Fault(enum.Enum):
    HANG = "takes the request and never answers"
    ERROR_500 = "answers 500 InternalError"
    ERROR_503 = "answers 503 SlowDown"
    REFUSE = "answers 403 AccessDenied"
    HALF_ANSWER = "breaks off in the middle of an answer's body"
    TOO_SHORT = "says that the body is half as long as it is"
    TOO_LONG = "says that the body is longer than it is"
    HALF_REQUEST = "breaks off in the middle of a request's body"
    TRICKLE = "sends a byte now and then"
    LOST_ANSWER = "does what it is asked to and hangs up before it answers"


_SHORT_SECONDS = 0.3

_ERRORS = {
    Fault.ERROR_500: (500, "InternalError"),
    Fault.ERROR_503: (503, "SlowDown"),
    Fault.REFUSE: (403, "AccessDenied"),
}


class FaultyStore:
    """The proxy. ``fails`` says which requests (method, path) ``fault`` is for; ``faults`` counts how often it happened."""

    def __init__(self, store: ObjectServer) -> None:
        self.folder = store.folder
        self.fault: Fault | None = None
        self.fails: Callable[[str, str], bool] = lambda method, path: True
        self.faults = 0
        self.released = threading.Event()
        self._store = store
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(store.url).netloc))
        self._server.daemon_threads = True
        self._server.handle_error = lambda request, client: None  # type: ignore[method-assign]  # whoever hangs up has had enough
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> StoreSettings:
        return self._store.settings.model_copy(update={"url": self.url})

    def patience(self, method: str, url: str) -> float:
        """How long to wait for an answer: shortly for what will not come, and else for a machine that stands still."""
        is_hopeless = self.fault in (Fault.HANG, Fault.TRICKLE) and url.startswith(self.url)
        return _SHORT_SECONDS if is_hopeless and self.fails(method, urllib3.util.parse_url(url).request_uri) else PATIENCE

    def break_down(self, fault: Fault, fails: Callable[[str, str], bool] = lambda method, path: True) -> None:
        self.fails = fails
        self.fault = fault
        self.faults = 0

    def mend(self) -> None:
        self.fault = None
        self.released.set()
        self.released = threading.Event()

    def close(self) -> None:
        self.mend()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class _KnowingPool(StorePool):
    """Waits for each answer as long as the proxy says that it is worth it; each thread asks one thing at a time."""

    def __init__(self, proxy: FaultyStore, **given: Any) -> None:
        self._proxy = proxy
        self._asked = threading.local()
        super().__init__(**given)

    def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        self._asked.seconds = self._proxy.patience(method, url)
        return super().urlopen(method, url, *args, **kwargs)

    @property
    def seconds(self) -> float:
        return getattr(self._asked, "seconds", PATIENCE)

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        pass


@contextmanager
def faulty_store(store: ObjectServer) -> Iterator[FaultyStore]:
    """Stand in front of a store until the block ends. What is connected to it in the block knows which answers will not come."""
    proxy = FaultyStore(store)
    try:
        with patch("soutu_services.search.store.StorePool", functools.partial(_KnowingPool, proxy)):
            yield proxy
    finally:
        proxy.close()


def _handler(proxy: FaultyStore, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            fault = proxy.fault if proxy.fault is not None and proxy.fails(self.command, self.path) else None
            released = proxy.released
            length = int(self.headers.get("Content-Length") or 0)
            if fault is not None:
                proxy.faults += 1
            if fault is Fault.HALF_REQUEST and length:
                self.rfile.read(length // 2)
                self._hang_up()
                return
            body = self.rfile.read(length)
            if fault is Fault.HANG:
                released.wait(PATIENCE)
                self._hang_up()
                return
            if fault in _ERRORS:
                status, code = _ERRORS[fault]
                self._answer(status, [("Content-Type", "application/xml")], f"<Error><Code>{code}</Code></Error>".encode())
                return
            status, headers, data = self._ask(body)
            if fault is Fault.LOST_ANSWER:
                self._hang_up()
                return
            if fault is None or self.command == "HEAD" or not data:
                self._answer(status, headers, data)
            else:
                self._spoil(fault, status, headers, data, released)

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(upstream, timeout=PATIENCE)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection", "transfer-encoding"):
                        connection.putheader(name, value)
                connection.endheaders(body or None)
                response = connection.getresponse()
                data = response.read()
                left_out = ("connection", "transfer-encoding", "content-length")
                headers = [(name, value) for name, value in response.getheaders() if name.lower() not in left_out]
                if self.command == "HEAD":
                    headers.append(("Content-Length", response.headers.get("Content-Length", "0")))
                return response.status, headers, data
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
            self._begin(status, headers, None if self.command == "HEAD" else len(data))
            if self.command != "HEAD":
                self.wfile.write(data)

        def _begin(self, status: int, headers: list[tuple[str, str]], length: int | None) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()

        def _spoil(
            self, fault: Fault, status: int, headers: list[tuple[str, str]], data: bytes, released: threading.Event
        ) -> None:
            half = len(data) // 2
            said = {Fault.TOO_SHORT: half, Fault.TOO_LONG: len(data) + 1000}.get(fault, len(data))
            self._begin(status, headers, said)
            if fault is Fault.TRICKLE:
                for place in range(len(data)):
                    self.wfile.write(data[place : place + 1])
                    if released.wait(0.1):
                        break
            else:
                self.wfile.write(data[:half] if fault is Fault.HALF_ANSWER else data)
            self._hang_up()

        def _hang_up(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    return Handler
