"""The page shows a renewed certificate without being started again."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from home_certificates import HomeCertificates
from loopback_ports import free_address
from patience import PATIENCE, eventually
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.probe import answers_tcp
from soutu_services.runtime.tls import TlsSettings


@pytest.fixture
def home(tmp_path: Path) -> HomeCertificates:
    return HomeCertificates(tmp_path)


@pytest.fixture
def held(home: HomeCertificates, tmp_path: Path) -> TlsSettings:
    """The files that the page was given."""
    folder = tmp_path / "held"
    folder.mkdir()
    return TlsSettings(certificate=folder / "certificate.pem", key=folder / "key.pem", authority=home.authority)


@pytest.fixture
def page(home: HomeCertificates, held: TlsSettings) -> Iterator[Address]:
    renew(held, home.machine())
    address = Address.parse(free_address())
    told = {"LISTEN": str(address), "TLS__CERTIFICATE": str(held.certificate), "TLS__KEY": str(held.key)}
    own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
    environment = {**own, "SOUTU_ADDRESS": "127.0.0.1:9", **{f"SOUTU_WEB_{name}": value for name, value in told.items()}}
    with subprocess.Popen([sys.executable, "-m", "soutu_client.web"], env=environment, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: answers_tcp(address))
        yield address
        process.terminate()
        process.wait(PATIENCE)


def renew(held: TlsSettings, by: TlsSettings, *names: str) -> None:
    for name in names or ("certificate", "key"):
        aside = getattr(held, name).with_suffix(".new")
        shutil.copyfile(getattr(by, name), aside)
        aside.rename(getattr(held, name))


def shown(page: Address, held: TlsSettings) -> str:
    """Return the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=held.authority)
    with (
        socket.create_connection((page.host, page.port), timeout=PATIENCE) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as session,
    ):
        return ssl.DER_cert_to_PEM_cert(session.getpeercert(binary_form=True) or b"")


def test_a_renewed_certificate_is_shown_and_half_of_one_is_not(page: Address, held: TlsSettings, home: HomeCertificates) -> None:
    before = shown(page, held)
    new = home.machine()
    renew(held, new, "certificate")
    assert {shown(page, held) for _ in range(3)} == {before}, "its key is not there yet"
    renew(held, new, "key")
    assert new.certificate is not None
    eventually(lambda: shown(page, held) in new.certificate.read_text())
    assert shown(page, held) != before
