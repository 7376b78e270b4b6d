"""The health check of a container asks what its service listens on, as that is spoken to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from home_certificates import HomeCertificates
from loopback_ports import free_address
from soutu_services.runtime.health import main
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server
from soutu_services.runtime.tls import TlsSettings


@pytest.fixture
def certificates(tmp_path: Path) -> HomeCertificates:
    return HomeCertificates(tmp_path)


@pytest.fixture
def machine(certificates: HomeCertificates) -> TlsSettings:
    return certificates.machine()


@pytest.fixture
def server(machine: TlsSettings) -> Iterator[RunningServer]:
    server = start_server([], ServerSettings(metrics_listen="", tls=machine), package="test.v1")
    server.set_serving("", True)
    yield server
    server.stop(0)


def variables(address: str, tls: TlsSettings, **more: str) -> dict[str, str]:
    return {
        "SOUTU_LANGUAGE": "en",
        "SOUTU_SEARCH_LISTEN": address,
        "SOUTU_SEARCH_TLS__CERTIFICATE": str(tls.certificate),
        "SOUTU_SEARCH_TLS__AUTHORITY": str(tls.authority),
        **more,
    }


@pytest.fixture
def given(server: RunningServer, machine: TlsSettings) -> dict[str, str]:
    return variables(server.address, machine)


def test_passes_while_the_service_serves(server: RunningServer, machine: TlsSettings) -> None:
    everywhere = server.address.replace("127.0.0.1", "0.0.0.0")
    assert main(["search"], variables(server.address, machine)) == 0
    assert main(["search"], variables(everywhere, machine)) == 0
    server.set_serving("", False)
    assert main(["search"], variables(server.address, machine)) == 1


def test_fails_where_nothing_listens_and_says_where(machine: TlsSettings, capsys: pytest.CaptureFixture[str]) -> None:
    address = free_address()
    assert main(["search"], variables(address, machine)) == 1
    assert capsys.readouterr().err == f"{address} does not answer, or does not serve\n"


def test_fails_with_another_homes_authority(server: RunningServer, machine: TlsSettings, certificates: HomeCertificates) -> None:
    assert main(["search"], variables(server.address, machine, SOUTU_SEARCH_TLS__AUTHORITY=str(certificates.stranger))) == 1


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        ([], {}, "usage"),
        (["store"], {}, "usage"),
        (["search"], {"SOUTU_SEARCH_TLS__AUTHORITY": ""}, "SOUTU_SEARCH_TLS__AUTHORITY is not set"),
        (["search"], {"SOUTU_SEARCH_LISTEN": "8401"}, "must be host:port"),
        (["search"], {"SOUTU_SEARCH_TLS__AUTHORITY": "/nowhere/ca.pem"}, "No such file"),
    ],
)
def test_says_in_a_line_what_is_wrong(
    given: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], more: dict[str, str], said: str
) -> None:
    assert main(arguments, given | more) != 0
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
