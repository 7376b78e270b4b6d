"""The Dockerfiles and compose files keep to their own rules, to hadolint's and to the compose specification's schema."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose_files import DEPLOY, Service, services_of, settings_of, variables_of

SCRIPTS = Path(sysconfig.get_path("scripts"))
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile.*"))
COMPOSE_FILES = sorted(DEPLOY.glob("compose.*.yaml"))
ALL_PROFILES = frozenset({"folder", "text", "announce", "monitoring"})
OWN = re.compile(r"soutu-(services|cuda|web):")
SERVICES = [
    pytest.param(service, id=f"{file.name}-{service.name}")
    for file in COMPOSE_FILES
    for service in services_of(file, settings_of(), profiles=ALL_PROFILES).values()
]
IS_LONG_RUNNING = [each for each in SERVICES if each.values[0].raw.get("restart") != "no"]  # type: ignore[attr-defined]
_HOST_PATH = re.compile(r"^[./]")


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPTS / program, *arguments], check=False, capture_output=True, text=True, timeout=120)


def test_there_is_a_file_for_each_kind_of_machine() -> None:
    assert [file.name for file in COMPOSE_FILES] == ["compose.gpu.yaml", "compose.nas.yaml", "compose.one.yaml"]
    assert [file.suffix for file in DOCKERFILES] == [".cuda", ".services", ".web"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    ended = run("hadolint", file)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_hadolint_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        DOCKERFILES[0].read_text().replace("slim-trixie", "x") + "RUN sudo apt-get install curl\n"
    )
    assert run("hadolint", tmp_path / "Dockerfile").returncode != 0


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_the_specifications_schema_takes_the_file(file: Path, tmp_path: Path) -> None:
    ended = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    assert ended.returncode == 0, ended.stdout
    wrong = yaml.safe_load(file.read_text(encoding="utf-8"))
    next(iter(wrong["services"].values()))["comand"] = ["x"]
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    assert run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "wrong.yaml").returncode != 0


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_an_image_is_built_in_stages_runs_as_nobody_special_and_leaves_the_tools_behind(file: Path) -> None:
    build, last = file.read_text(encoding="utf-8").rsplit("\nFROM ", 1)
    assert " AS build" in build and "pip install" not in last
    assert "COPY --from=build /opt/soutu /opt/soutu" in last
    assert re.search(r"^USER (?!0)\d+:\d+$", last, re.MULTILINE)
    assert "amd64" in build


def test_the_images_for_a_cpu_leave_torch_out_and_name_no_architecture() -> None:
    for file in DOCKERFILES:
        text = file.read_text(encoding="utf-8")
        assert ("install-clip" in text) == (file.suffix == ".cuda")
        assert not re.search(r"--platform|x86_64|aarch64", text)


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_hardened(service: Service) -> None:
    assert service.raw["read_only"] is True
    assert service.raw["cap_drop"] == ["ALL"]
    assert service.raw["security_opt"] == ["no-new-privileges:true"]
    assert not service.raw["user"].startswith(("0", "root"))
    assert not {"privileged", "cap_add", "pid", "ipc"} & service.raw.keys()
    assert any(mount.target == "/tmp" and not mount.source for mount in service.mounts)


@pytest.mark.parametrize("service", IS_LONG_RUNNING)
def test_a_service_has_a_health_check_limits_and_starts_again(service: Service) -> None:
    assert service.health
    assert service.raw["restart"] == "unless-stopped"
    limits: dict[str, Any] = service.raw["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= limits.keys()
    assert service.raw["logging"]["options"]["max-size"]


@pytest.mark.parametrize("service", SERVICES)
def test_images_have_pinned_tags(service: Service) -> None:
    tag = service.image.rpartition(":")[2]
    assert re.search(r"\d+\.\d+\.\d+|RELEASE\.\d{4}-\d\d-\d\d", tag), service.image


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_written_into_a_command_or_a_variable(service: Service) -> None:
    for name, value in service.environment.items():
        if re.search(r"TOKEN|SECRET|PASSWORD|_KEY$", name) and not name.endswith("ACCESS_KEY"):
            assert value.startswith("/run/soutu/") or name == "SOUTU_SEARCH_TOKENS", name


@pytest.mark.parametrize("service", SERVICES)
def test_what_other_machines_reach_is_encrypted(service: Service) -> None:
    if OWN.match(service.image) and service.ports:
        assert any(name.endswith("_TLS__CERTIFICATE") for name in service.environment)
        assert not any("ALLOW_PLAINTEXT" in name for name in service.environment)
    elif service.ports and service.name != "store":
        assert all(published.startswith("127.0.0.1:") for published in service.ports)


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_data_is_in_named_volumes_that_the_file_declares(file: Path) -> None:
    declared = set(yaml.safe_load(file.read_text(encoding="utf-8"))["volumes"])
    used = set()
    for service in services_of(file, settings_of(), profiles=ALL_PROFILES).values():
        for mount in service.mounts:
            if mount.source and not _HOST_PATH.match(mount.source):
                used.add(mount.source)
            elif mount.source:
                assert mount.is_read_only, f"{service.name} may write {mount.source}"
                assert (
                    not mount.source.startswith(".") or mount.source == "./certificates" or (file.parent / mount.source).is_file()
                )
    assert used == declared


def test_the_authority_that_can_make_certificates_is_kept_from_every_service() -> None:
    for file in COMPOSE_FILES:
        for service in services_of(file, settings_of(), profiles=ALL_PROFILES).values():
            assert service.name == "prepare" or "authority" not in {mount.source for mount in service.mounts}


def test_every_setting_is_explained_with_its_default_and_every_explained_setting_is_used() -> None:
    explained = settings_of() | settings_of(commented=True)
    used: dict[str, set[str]] = {}
    for file in COMPOSE_FILES:
        for name, default in variables_of(file.read_text(encoding="utf-8")):
            used.setdefault(name, set()).add(default)
    assert set(explained) == set(used)
    for name, defaults in used.items():
        if name not in (
            "SOUTU_SEARCH_SOURCES",
            "SOUTU_EMBEDDING_CPUS",
            "SOUTU_EMBEDDING_MEMORY",
        ):  # explained by an example, or two
            assert defaults == {explained[name]}, name


def test_prometheus_asks_the_ports_that_the_services_listen_on() -> None:
    jobs = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.compose.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = [target for job in jobs for each in job.get("static_configs", ()) for target in each["targets"]]
    found = [each for job in jobs for each in job.get("dns_sd_configs", ())]
    targets += [f"{name}:{each['port']}" for each in found for name in each["names"]]
    services = services_of(DEPLOY / "compose.nas.yaml", settings_of(), profiles=ALL_PROFILES)
    services |= services_of(DEPLOY / "compose.one.yaml", settings_of(), profiles=ALL_PROFILES)
    listening = {
        f"{name}:{listen.rpartition(':')[2]}"
        for name, service in services.items()
        for variable, listen in service.environment.items()
        if variable.endswith("_METRICS_LISTEN")
    }
    assert set(targets) == listening == {"search:8411", "embedding:8412", "text:8412"}


def test_images_are_made_from_what_git_ignores_not() -> None:
    kept = [line for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept == ["!deploy/constraints.txt", "!protos", "!services", "!clients"]
