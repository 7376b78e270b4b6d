"""Real TLS on loopback: who is trusted, and what is said of who is not."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from home_certificates import HomeCertificates
from patience import PATIENCE
from soutu_client import Client, NotTrustedError
from soutu_client import Scope as SeenScope
from soutu_services.runtime.metrics import MetricsServer
from soutu_services.runtime.server import RunningServer
from soutu_services.runtime.tls import ServerCertificate, TlsProblem, TlsSettings

Start = Callable[..., RunningServer]


def client(address: str, **options: Any) -> Client:
    return Client(address, **{"timeout_seconds": PATIENCE, "language": "en", **options})


def soutu(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program ``soutu`` as people do: what gRPC itself writes is seen as well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOUTU_", "GRPC_"))}
    return subprocess.run(
        [sys.executable, "-c", "from soutu_client.cli.main import main; main()", *arguments],
        env={**kept, "SOUTU_LANGUAGE": "en", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_who_knows_the_home_and_has_a_token_is_let_in(start: Start, certificates: HomeCertificates, admin: str) -> None:
    server = start(tls=certificates.machine())
    with client(server.address, authority=certificates.authority, token=admin) as connected:
        assert connected.is_encrypted
        assert (connected.access().name, connected.access().scope) == ("爸爸", SeenScope.ADMIN)


def _problems(certificates: HomeCertificates) -> dict[str, tuple[TlsSettings | None, Path | None, str, str]]:
    """What the server has, by what the client knows it, and what the client says in both languages."""
    home = certificates.authority
    return {
        "wrong authority": (certificates.machine(), certificates.stranger, "证书机构", "same ca.pem"),
        "ended certificate": (certificates.ended_machine(), home, "已过期", "has ended"),
        "wrong host": (certificates.machine("nas.local"), home, "没有 127.0.0.1", "does not name 127.0.0.1"),
        "plain server": (None, home, "没有使用 TLS", "does not speak TLS"),
        "plain client": (certificates.machine(), None, "要求 TLS", "wants TLS"),
    }


PROBLEMS = ["wrong authority", "ended certificate", "wrong host", "plain server", "plain client"]


@pytest.fixture
def problem(
    request: pytest.FixtureRequest, start: Start, certificates: HomeCertificates, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Path | None, str, str]:
    if request.param == "ended certificate":  # a server refuses to start with one, and may outlive one
        monkeypatch.setattr("soutu_services.runtime.tls.ServerCertificate._read", _read_whatever_it_is)
    tls, authority, zh, en = _problems(certificates)[request.param]
    return start(**({"tls": tls} if tls else {})).address, authority, zh, en


def _read_whatever_it_is(self: ServerCertificate) -> Any:
    import grpc

    return grpc.ssl_server_certificate_configuration([(self._key.read_bytes(), self._certificate.read_bytes())])


@pytest.mark.parametrize("problem", PROBLEMS, indirect=True)
def test_what_is_wrong_with_tls_is_one_clear_line(problem: tuple[str, Path | None, str, str], admin: str) -> None:
    address, authority, words, _ = problem
    with (
        client(address, authority=authority, token=admin, language="zh") as connected,
        pytest.raises(NotTrustedError) as caught,
    ):
        connected.access()
    assert words in caught.value.message and address in caught.value.message
    assert "\n" not in caught.value.message and admin not in caught.value.message


@pytest.mark.parametrize("problem", ["wrong authority", "plain client"], indirect=True)
def test_the_command_line_and_doctor_say_it_in_one_line_too(problem: tuple[str, Path | None, str, str], admin: str) -> None:
    address, authority, _, words = problem
    variables = {"SOUTU_ADDRESS": address, "SOUTU_TOKEN": admin}
    if authority is not None:
        variables["SOUTU_AUTHORITY"] = str(authority)
    status = soutu("status", **variables)
    assert status.returncode == 4
    (line,) = status.stderr.strip().splitlines()
    assert words in line
    doctor = soutu("doctor", **variables)
    assert doctor.returncode == 4
    (line,) = [line for line in doctor.stdout.splitlines() if line.startswith("✗")]
    assert words in line and "encryption" in line
    assert doctor.stderr == ""
    assert admin not in status.stderr + status.stdout + doctor.stdout


def test_nothing_that_listens_is_still_called_unreachable(certificates: HomeCertificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ended = soutu("status", SOUTU_ADDRESS=address, SOUTU_AUTHORITY=str(certificates.authority))
    assert ended.returncode == 4
    assert "cannot reach the search service" in ended.stderr


def _serial(address: str, authority: Path) -> str:
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as connection:
        return str(connection.getpeercert()["serialNumber"])  # type: ignore[index]


def _replace(tls: TlsSettings, new: TlsSettings) -> None:
    assert tls.certificate and tls.key and new.certificate and new.key
    new.key.replace(tls.key)
    new.certificate.replace(tls.certificate)


def test_a_renewed_certificate_serves_without_a_restart_and_a_broken_one_does_not(
    start: Start, certificates: HomeCertificates, admin: str, caplog: pytest.LogCaptureFixture
) -> None:
    tls = certificates.machine()
    server = start(tls=tls)
    before = _serial(server.address, certificates.authority)
    _replace(tls, certificates.machine())
    renewed = _serial(server.address, certificates.authority)
    assert renewed != before
    assert tls.certificate is not None
    tls.certificate.write_text("not a certificate")
    assert _serial(server.address, certificates.authority) == renewed
    assert "the old one serves on" in caplog.text
    with client(server.address, authority=certificates.authority, token=admin) as connected:
        connected.access()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda tls: tls.certificate.write_text("no PEM"), "CERTIFICATE"),
        (lambda tls: tls.certificate.unlink(), "CERTIFICATE"),
        (lambda tls: tls.key.write_text("no PEM"), "KEY"),
        (lambda tls: tls.key.unlink(), "KEY"),
    ],
)
def test_files_that_cannot_be_used_keep_a_server_from_starting(
    start: Start, certificates: HomeCertificates, damage: Callable[[TlsSettings], object], words: str
) -> None:
    tls = certificates.machine()
    damage(tls)
    with pytest.raises(TlsProblem) as caught:
        start(tls=tls)
    assert words in caught.value.text.en and words in caught.value.text.zh
    assert "\n" not in caught.value.text.en and str(tls.key) not in caught.value.text.en


def test_a_key_of_another_certificate_or_an_ended_one_keeps_a_server_from_starting(
    start: Start, certificates: HomeCertificates
) -> None:
    mixed = certificates.machine().model_copy(update={"key": certificates.machine().key})
    with pytest.raises(TlsProblem, match="KEY"):
        start(tls=mixed)
    with pytest.raises(TlsProblem, match="ended"):
        start(tls=certificates.ended_machine())


def test_metrics_with_a_certificate_are_https_and_nobody_keeps_others_waiting(
    certificates: HomeCertificates,
) -> None:
    metrics = MetricsServer("127.0.0.1", 0, certificate=ServerCertificate.of(certificates.machine()))
    try:
        with socket.create_connection(("127.0.0.1", metrics.port)):  # says nothing
            context = ssl.create_default_context(cafile=certificates.authority)
            with urllib.request.urlopen(f"https://127.0.0.1:{metrics.port}/metrics", context=context, timeout=120) as answer:
                assert b"soutu_tls_certificate_expires_seconds" in answer.read()
            with pytest.raises((urllib.error.URLError, OSError)):
                urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=120)
            with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
                urllib.request.urlopen(f"https://127.0.0.1:{metrics.port}/metrics", timeout=120)
    finally:
        metrics.stop()


def test_the_log_says_that_there_is_tls(start: Start, certificates: HomeCertificates, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        start(tls=certificates.machine())
    assert "gRPC with TLS" in caplog.text
