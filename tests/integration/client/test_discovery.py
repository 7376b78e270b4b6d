"""A service announces itself, and a client that knows the home's authority finds it: processes, over the loopback interface."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from zeroconf import ServiceInfo, Zeroconf

from home_certificates import HomeCertificates
from loopback_ports import free_address
from patience import PATIENCE, eventually
from search_process import SearchProcess
from soutu_client import Client, InvalidInputError, NotSupportedError, UnavailableError
from soutu_client._discovery import FoundService, find_services
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.announcement import SERVICE_TYPE, Announcement, announced_host
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its loopback interface takes multicast")

LOOPBACK = "127.0.0.1"
LOOKING = {"SOUTU_DISCOVERY": LOOPBACK}


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Every test of this machine has the same loopback interface: one announces at a time."""
    with (Path(tempfile.gettempdir()) / "soutu-test-mdns.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def certificates(tmp_path: Path) -> HomeCertificates:
    certificates = HomeCertificates(tmp_path)
    certificates.machine()  # and so its authority
    return certificates


@contextmanager
def serving(tmp_path: Path, certificates: HomeCertificates, interface: str) -> Iterator[SearchProcess]:
    tls = certificates.machine("searching.local", LOOPBACK)
    process = SearchProcess(
        {
            "SOUTU_SEARCH_LISTEN": f"0.0.0.0:{free_address().rpartition(':')[2]}",
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_ANNOUNCE": interface,
            "SOUTU_SEARCH_DATA_FOLDER": str(tmp_path / "data"),
            "SOUTU_SEARCH_TLS__CERTIFICATE": str(tls.certificate),
            "SOUTU_SEARCH_TLS__KEY": str(tls.key),
        }
    )
    try:
        process.wait_ready()
        yield process
    finally:
        process.end()


@pytest.fixture
def service(tmp_path: Path, certificates: HomeCertificates) -> Iterator[SearchProcess]:
    with serving(tmp_path, certificates, LOOPBACK) as process:
        yield process


def port_of(service: SearchProcess) -> str:
    return service.address.rpartition(":")[2]


def found_at(port: str) -> list[FoundService]:
    """Tests beside this one may announce services too; each has a port of its own."""
    return [each for each in find_services(LOOKING) if each.address.endswith(f":{port}")]


def soutu(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
    command = [Path(sysconfig.get_path("scripts")) / "soutu", *arguments]
    token = tmp_path / "data" / "admin-token"
    given = {**own, "SOUTU_LANGUAGE": "en", "SOUTU_TOKEN_FILE": str(token), **LOOKING, **more}
    return subprocess.run(command, env=given, check=False, capture_output=True, text=True, timeout=PATIENCE)


def test_a_client_without_an_address_finds_the_service_of_its_home(
    service: SearchProcess, certificates: HomeCertificates, tmp_path: Path
) -> None:
    found = eventually(lambda: found_at(port_of(service)))
    assert found == [FoundService(f"{LOOPBACK}:{port_of(service)}", "0.1.0", is_tls=True, name="searching.local")]
    ended = soutu(tmp_path, "status", "--json", SOUTU_AUTHORITY=str(certificates.authority))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["photos"] == 0
    assert "photos: none yet: soutu add FOLDER" in soutu(tmp_path, "doctor", SOUTU_AUTHORITY=str(certificates.authority)).stdout


def test_a_service_that_stops_takes_its_announcement_back(service: SearchProcess) -> None:
    port = port_of(service)
    eventually(lambda: found_at(port))
    assert service.end() == 0
    assert not found_at(port)


def test_an_announcement_holds_no_secret(service: SearchProcess) -> None:
    eventually(lambda: found_at(port_of(service)))
    with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
        told = zeroconf.get_service_info(SERVICE_TYPE, f"searching.{SERVICE_TYPE}", timeout=3000)
    assert told is not None and told.server == "searching.local."
    assert told.decoded_properties == {"version": "0.1.0", "tls": "yes"}


def test_nothing_is_sent_to_a_stranger_who_announces_a_service(
    service: SearchProcess, certificates: HomeCertificates, tmp_path: Path
) -> None:
    eventually(lambda: found_at(port_of(service)))
    stranger = soutu(tmp_path, "status", SOUTU_AUTHORITY=str(certificates.stranger))
    assert stranger.returncode != 0 and "certificate" in stranger.stderr
    nobody = soutu(tmp_path, "status")  # who knows no authority looks for none
    assert "127.0.0.1:8401" in nobody.stderr and port_of(service) not in nobody.stderr


def test_doctor_tells_what_is_there_and_what_to_do_next(
    service: SearchProcess, certificates: HomeCertificates, tmp_path: Path
) -> None:
    eventually(lambda: found_at(port_of(service)))
    lost = soutu(tmp_path, "doctor")
    assert lost.returncode == 4
    assert f"soutu is at {LOOPBACK}:{port_of(service)} (version 0.1.0): copy its ca.pem here" in lost.stdout
    elsewhere = soutu(tmp_path, "doctor", "--address", f"{LOOPBACK}:9")
    assert "soutu is at" not in elsewhere.stdout
    service.end()
    assert "no soutu announces itself" in soutu(tmp_path, "doctor").stdout
    assert "network" not in soutu(tmp_path, "doctor", SOUTU_DISCOVERY="off").stdout


def test_a_strangers_service_beside_the_homes_is_passed_over(
    service: SearchProcess, certificates: HomeCertificates, tmp_path: Path
) -> None:
    other = HomeCertificates(tmp_path / "other")
    other.machine()
    tls, listen = other.machine("stranger.local", LOOPBACK), free_address()
    with ExitStack() as beside:
        server = start_server([], ServerSettings(listen=listen, metrics_listen="", tls=tls), package="soutu.test.v1")
        beside.callback(server.stop, 0)
        strange = Announcement(Address.parse(listen), host="stranger.local", is_tls=True, interface=LOOPBACK)
        beside.callback(strange.close)
        eventually(lambda: found_at(port_of(service)) and found_at(listen.rpartition(":")[2]))
        ended = soutu(tmp_path, "status", "--json", SOUTU_AUTHORITY=str(certificates.authority))
        assert ended.returncode == 0 and json.loads(ended.stdout)["photos"] == 0, ended.stderr
        nobodys = soutu(tmp_path, "status", SOUTU_AUTHORITY=str(HomeCertificates(tmp_path / "third").stranger))
        assert "choose one with --address" in nobodys.stderr


def test_a_machine_with_a_new_address_is_known_by_its_name_and_followed(
    certificates: HomeCertificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its certificate is for its name, and the numbers that it had; this machine may not know names in .local."""
    monkeypatch.setenv("SOUTU_DISCOVERY", LOOPBACK)
    monkeypatch.delenv("SOUTU_ADDRESS", raising=False)
    monkeypatch.setattr("soutu_client._discovery._AGAIN_SECONDS", 0.0)
    tls = certificates.machine("nas.local")
    servers: list[RunningServer] = []

    def move() -> FoundService:
        listen = free_address()
        servers.append(start_server([], ServerSettings(listen=listen, metrics_listen="", tls=tls), package="soutu.test.v1"))
        found = FoundService(listen, "0.1.0", is_tls=True, name="nas.local")
        monkeypatch.setattr("soutu_client._discovery.find_services", lambda environment: [found])
        return found

    try:
        before = move()
        with Client(authority=certificates.authority, language="en") as client:
            assert client.address == before.address
            with pytest.raises(NotSupportedError):  # it was reached, and serves nothing
                client.status()
            servers[0].stop(0)
            after = move()
            with pytest.raises(UnavailableError):
                client.status()
            assert client.address == after.address != before.address
            with pytest.raises(NotSupportedError):
                client.status()
    finally:
        for server in servers:
            server.stop(0)


def test_an_address_that_changes_is_announced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ["192.0.2.1"]
    monkeypatch.setattr("soutu_services.runtime.announcement._addresses", lambda address, interface: shown)
    port = free_address().rpartition(":")[2]
    announcement = Announcement(
        Address.parse(f"0.0.0.0:{port}"), host="moving.local", is_tls=True, interface=LOOPBACK, look_seconds=0.01
    )
    try:
        for shown in (["192.0.2.1"], ["192.0.2.2"]):
            with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
                assert eventually(
                    lambda zeroconf=zeroconf, shown=shown: (
                        (told := zeroconf.get_service_info(SERVICE_TYPE, f"moving.{SERVICE_TYPE}", timeout=1000))
                        and told.parsed_addresses() == shown
                    )
                )
    finally:
        announcement.close()


def test_what_the_network_was_not_ready_for_is_announced_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OSError(errno.ENODEV, "No such device")] * 2

    def opened(**options: Any) -> Zeroconf:
        if failures:
            raise failures.pop()
        return Zeroconf(**options)

    monkeypatch.setattr("soutu_services.runtime.announcement.Zeroconf", opened)
    port = free_address().rpartition(":")[2]
    announcement = Announcement(
        Address.parse(f"0.0.0.0:{port}"), host="late.local", is_tls=True, interface=LOOPBACK, look_seconds=0.01
    )
    try:
        with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
            assert eventually(lambda: zeroconf.get_service_info(SERVICE_TYPE, f"late.{SERVICE_TYPE}", timeout=1000))
    finally:
        announcement.close()
    assert caplog.text.count("cannot be announced") == 1


def test_several_services_are_listed_for_a_person_to_choose(
    certificates: HomeCertificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUTU_DISCOVERY", LOOPBACK)
    monkeypatch.delenv("SOUTU_ADDRESS", raising=False)
    found = [FoundService(f"nas.local:{port}", "0.1.0", is_tls=True) for port in (8402, 8401)]
    monkeypatch.setattr("soutu_client._discovery.find_services", lambda environment: found)
    monkeypatch.setattr("soutu_client._tls_probe.is_known", lambda endpoint: True)
    with pytest.raises(InvalidInputError, match=r"nas.local:8401, nas.local:8402; choose one with --address"):
        Client(authority=certificates.authority, language="en")
    monkeypatch.setattr("soutu_client._discovery.find_services", lambda environment: [])
    with Client(authority=certificates.authority) as client:
        assert client.address == "127.0.0.1:8401"


@pytest.mark.parametrize("given", [{"SOUTU_DISCOVERY": "off"}, {"SOUTU_ADDRESS": "nas.local:8401"}])
def test_the_network_is_not_asked_where_that_is_not_wanted(
    certificates: HomeCertificates, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("soutu_client._discovery.find_services", lambda environment: pytest.fail("it was asked"))
    Client(authority=certificates.authority).close()
    Client("nas.local", authority=certificates.authority).close()


def test_a_service_on_this_machine_goes_before_all(certificates: HomeCertificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUTU_DISCOVERY", raising=False)
    monkeypatch.delenv("SOUTU_ADDRESS", raising=False)
    monkeypatch.setattr("soutu_client._discovery.find_services", lambda environment: pytest.fail("it was asked"))
    monkeypatch.setattr("soutu_client._discovery._answers", lambda host, port: (host, port) == ("127.0.0.1", 8401))
    Client(authority=certificates.authority).close()


def test_an_answer_that_leads_nowhere_is_left_out() -> None:
    port = int(free_address().rpartition(":")[2])
    with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
        name = f"gone-{port}.{SERVICE_TYPE}"
        zeroconf.register_service(ServiceInfo(SERVICE_TYPE, name, port=port, server="gone.local.", parsed_addresses=[LOOPBACK]))
        assert found_at(str(port)) == []


@pytest.mark.parametrize("server", ["plain://nas.local.", "nas.local:1@x.local.", "\x1b[2Jnas.local."])
def test_what_a_stranger_announces_switches_nothing_off(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setattr("soutu_client._discovery._answers", lambda host, port: True)  # avahi would resolve such a name
    port = int(free_address().rpartition(":")[2])
    with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
        name = f"odd-{port}.{SERVICE_TYPE}"
        zeroconf.register_service(ServiceInfo(SERVICE_TYPE, name, port=port, server=server, parsed_addresses=[LOOPBACK]))
        (found,) = eventually(lambda: found_at(str(port)))
    assert found.address == f"{LOOPBACK}:{port}"


def test_an_interface_that_is_none_is_said_in_a_line() -> None:
    command = [sys.executable, "-m", "soutu_services.runtime.announcement", "beside.local", "8401"]
    given = {**os.environ, "SOUTU_SEARCH_ANNOUNCE": "eth0"}
    process = subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "cannot be announced" in process.stderr.readline()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("names", ["beside.local,192.168.1.5", "192.168.1.5,beside.local"])
def test_a_container_is_announced_by_its_machine(names: str) -> None:
    port = free_address().rpartition(":")[2]
    command = [sys.executable, "-m", "soutu_services.runtime.announcement", names, port]
    process = subprocess.Popen(command, env={**os.environ, "SOUTU_SEARCH_ANNOUNCE": LOOPBACK})
    try:
        with Zeroconf(interfaces=[LOOPBACK]) as zeroconf:
            told = eventually(lambda: zeroconf.get_service_info(SERVICE_TYPE, f"beside.{SERVICE_TYPE}", timeout=1000))
        assert (told.server, told.port) == ("beside.local.", int(port))
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_network_that_cannot_be_used_keeps_nobody_from_serving(tmp_path: Path, certificates: HomeCertificates) -> None:
    nowhere = {"SOUTU_DISCOVERY": "192.0.2.1", "SOUTU_AUTHORITY": str(certificates.authority)}
    with serving(tmp_path, certificates, "192.0.2.1") as service:
        eventually(lambda: "cannot be announced" in service.output)
        reached = soutu(tmp_path, "status", "--address", f"{LOOPBACK}:{port_of(service)}", **nowhere)
        assert reached.returncode == 0, reached.stderr
        looked = soutu(tmp_path, "status", **nowhere)
        assert "127.0.0.1:8401" in looked.stderr and "Traceback" not in looked.stderr
        assert service.end() == 0


def test_a_machine_is_announced_by_the_name_of_its_certificate(certificates: HomeCertificates, tmp_path: Path) -> None:
    assert announced_host(certificates.machine("localhost", "nas.local").certificate) == "nas.local"
    assert announced_host(tmp_path / "nothing.pem").endswith(".local")
