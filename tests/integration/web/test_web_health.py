"""The health check of the page's container asks the page as it is served."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from home_certificates import HomeCertificates
from loopback_ports import free_address
from soutu_client.web import health
from soutu_services.runtime.tls import TlsSettings


class _Page(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def machine(tmp_path: Path) -> TlsSettings:
    return HomeCertificates(tmp_path).machine()


@pytest.fixture
def page(machine: TlsSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Page]]:
    kind = type("Page", (_Page,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(machine.certificate), str(machine.key))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in (
        ("SOUTU_LANGUAGE", "en"),
        ("SOUTU_WEB_LISTEN", f"0.0.0.0:{server.server_port}"),
        ("SOUTU_WEB_TLS__CERTIFICATE", str(machine.certificate)),
        ("SOUTU_WEB_TLS__KEY", str(machine.key)),
        ("SOUTU_AUTHORITY", str(machine.authority)),
    ):
        monkeypatch.setenv(name, value)
    yield kind
    server.shutdown()
    server.server_close()
    thread.join()


def test_passes_while_the_page_is_served(page: type[_Page], capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main() == 0
    page.status = 500
    assert health.main() == 1
    assert "HTTP 500" in capsys.readouterr().err


def test_fails_where_nothing_is_served_and_with_a_strangers_certificate(
    page: type[_Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUTU_AUTHORITY", str(HomeCertificates(tmp_path).stranger))
    assert health.main() == 1
    assert "certificate verify failed" in capsys.readouterr().err
    monkeypatch.setenv("SOUTU_WEB_LISTEN", free_address())
    assert health.main() == 1
    told = capsys.readouterr().err
    assert "does not answer" in told and told.count("\n") == 1
