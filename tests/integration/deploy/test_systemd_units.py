"""The systemd units are right to systemd, confined, and run a house: a photo is uploaded, found and shown."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from loopback_ports import loopback_host
from patience import PATIENCE, eventually
from soutu_client import Client
from soutu_services.certificates.certificate_folder import CertificateFolder
from soutu_services.certificates.installed_folder import install
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.probe import answers_tcp
from unit_files import UNITS, Unit

PHOTO = Path(__file__).parents[3] / "deploy" / "samples" / "chelsea.jpg"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as they would be if soutu were installed here."""
    copies = []
    for unit in UNITS:
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/soutu/.venv", sys.prefix), encoding="utf-8")
        copies.append(copy)
    return copies


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE)


def test_there_is_a_unit_for_each_service() -> None:
    assert [unit.stem for unit in UNITS] == ["soutu-embedding", "soutu-frame", "soutu-search", "soutu-store", "soutu-web"]


def test_the_store_serves_the_folder_that_the_search_service_looks_into() -> None:
    """One variable of the settings file moves both."""
    units = {unit.name: unit for unit in map(Unit.read, UNITS)}
    store, search = units["soutu-store"], units["soutu-search"]
    assert store.environment["SOUTU_SEARCH_STORE__FOLDER"] == search.environment["SOUTU_SEARCH_STORE__FOLDER"]
    assert store.settings["ExecStart"][0].endswith('${SOUTU_SEARCH_STORE__FOLDER}"')


@needs_systemd
def test_systemd_takes_the_units(units: list[Path]) -> None:
    ended = analyze("verify", *units)
    assert ended.returncode == 0 and not ended.stderr, ended.stderr
    units[0].write_text(units[0].read_text(encoding="utf-8").replace("ProtectClock", "ProtectClok"), encoding="utf-8")
    assert "ProtectClok" in analyze("verify", *units).stderr


@needs_systemd
def test_systemd_takes_the_unit_that_follows_a_person_s_folder(tmp_path: Path) -> None:
    unit = UNITS[0].parent / "user" / "soutu-watch.service"
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/soutu/.venv", sys.prefix), encoding="utf-8")
    ended = analyze("verify", copy)
    assert ended.returncode == 0 and not ended.stderr, ended.stderr


@needs_systemd
def test_systemd_finds_the_services_well_confined(units: list[Path]) -> None:
    for unit in units:
        ended = analyze("security", "--offline=yes", "--threshold=25", unit)  # tenths: 2.5 of 10
        assert ended.returncode == 0, ended.stdout[-300:]


@pytest.mark.skipif(sys.platform != "linux", reason="the machine has a loopback address of its own")
def test_what_the_units_start_is_a_house(tmp_path: Path) -> None:
    host = loopback_host()
    install(CertificateFolder.open(tmp_path / "authority").issue(["nas.local", host]), tmp_path / "secrets")
    services = {unit.name: unit for unit in map(Unit.read, UNITS)}
    with ExitStack() as running:
        for name in ("soutu-store", "soutu-embedding", "soutu-search", "soutu-web"):
            more = {"SOUTU_SEARCH_METRICS_LISTEN": "", "SOUTU_EMBEDDING_METRICS_LISTEN": ""}
            process = services[name].start(tmp_path, host, more)
            running.callback(process.wait, PATIENCE)
            running.callback(process.terminate)
            port = {"soutu-store": 8403, "soutu-embedding": 8402, "soutu-search": 8401, "soutu-web": 8400}[name]
            eventually(lambda port=port: answers_tcp(Address(host, port)))
            assert process.poll() is None, (tmp_path / f"{name}.log").read_text()
        token = (tmp_path / "lib" / "soutu" / "search" / "admin-token").read_text().strip()
        authority = tmp_path / "secrets" / "ca.pem"
        with Client(f"{host}:8401", token=token, authority=authority, timeout_seconds=PATIENCE) as client:
            uploaded = client.upload(PHOTO)
            eventually(lambda: client.status().photos_pending == 0)
            assert eventually(lambda: client.search("一只猫").hits)[0].photo.photo_id == uploaded.photo_id
        (tmp_path / "secrets" / "frame-token").write_text(token)
        shown = {"SDL_VIDEODRIVER": "dummy", "SOUTU_FRAME_SIZE": "320x240", "SOUTU_FRAME_LOG_LEVEL": "debug"}
        shown |= {"SOUTU_ADDRESS": f"{host}:8401", "SOUTU_FRAME_LISTEN": "none"}
        frame = services["soutu-frame"].start(tmp_path, host, shown)
        running.callback(frame.wait, PATIENCE)
        running.callback(frame.terminate)
        eventually(lambda: f"shown {uploaded.photo_id}" in (tmp_path / "soutu-frame.log").read_text())
        health = [sys.executable, "-m", "soutu_client.web.health"]
        variables = {"SOUTU_WEB_LISTEN": f"{host}:8400", "SOUTU_AUTHORITY": str(authority)}
        variables |= {f"SOUTU_WEB_TLS__{each.upper()}": str(authority) for each in ("certificate", "key")}
        assert subprocess.run(health, check=False, env=variables, timeout=PATIENCE).returncode == 0
        assert (tmp_path / "lib" / "soutu" / "store" / "soutu-photos" / "chelsea.jpg").read_bytes() == PHOTO.read_bytes()
    for unit in services.values():
        asked = {credential.partition(":")[0] for credential in unit.settings["LoadCredential"]}
        used = set(
            re.findall(
                r"(?:%d|\{CREDENTIALS_DIRECTORY\})/([\w.-]+)",
                " ".join(line for lines in unit.settings.values() for line in lines),
            )
        )
        assert asked == used, unit.name
