"""The services of compose files as processes: the very commands, variables and health checks, without containers.

Each service has a loopback address of its own, where its ports are those of the file; names of services and ``0.0.0.0`` stand for
these addresses, and the folders that are mounted for folders of a test. Where the machine allows it, a service has a root
file system that it cannot write, and no capability, as its container has. rclone stands in the object store's place, and is told
what the store was told: its port, its certificate, its user and its key.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from compose_files import DEPLOY, Service, services_of
from confined import can_confine, confined
from loopback_ports import loopback_host
from patience import PATIENCE

__all__ = ["ComposeHouse", "DidNotWork"]

_SCRIPTS = Path(sysconfig.get_path("scripts"))
_HANDED_ON = ("LANG", "LC_ALL")
_AGREE_SECONDS = 15.0
_EVERYWHERE = "0.0.0.0"


class DidNotWork(Exception):  # noqa: N818 - it is what happened
    """A service ended, or did not become healthy."""


class ComposeHouse:
    """Services of one or more machines, each machine a compose file. Close it at the end.

    Args:
        folder: Where volumes and logs are.
        files: Compose files, with the profiles to run and the variables of each, beside those of ``.env.example``.
        shared: Folders, by ``source`` of the mount, that stand for paths of the machines.
        machines: Services by the names of other machines: there they are found at the ports that they publish.
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[Path, tuple[frozenset[str], Mapping[str, str]]],
        *,
        shared: Mapping[str, Path] | None = None,
        machines: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._shared = dict(shared or {})
        self._machines = dict(machines or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.services: dict[str, Service] = {}
        for file, (profiles, variables) in files.items():
            self.services |= services_of(file, variables, profiles=profiles)
        self._hosts = {name: loopback_host() for name in self.services}

    def __enter__(self) -> ComposeHouse:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self, *names: str) -> None:
        """Start services, after those that they wait for; none named: all of them.

        Raises:
            DidNotWork: one ended, or did not become healthy.
        """
        for name in names or tuple(self.services):
            self._start(name)
        for name in names or tuple(self.services):
            self.wait_healthy(name)

    def run(self, name: str, command: Sequence[str]) -> str:
        """Run another command as a service, as ``docker compose run`` does, and return what it says."""
        return subprocess.run(
            self._command(name, command),
            env=self._environment(name),
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        ).stdout

    def address(self, name: str, published: str) -> str:
        """Return ``host:port`` where a service is found that publishes a port under this number."""
        inside = {outside.rpartition(":")[2]: port for outside, port in self.services[name].ports.items()}
        if published not in inside:
            raise DidNotWork(f"{name} is not published at {published}")
        return f"{self._hosts[name]}:{inside[published]}"

    def host(self, name: str) -> str:
        """Return the address that stands for a service's machine."""
        return self._hosts[name]

    def path(self, name: str, inside: str) -> Path:
        """Return where a path of a container is."""
        return Path(self._placed(name, inside))

    def is_healthy(self, name: str) -> bool:
        """Run the service's health check once."""
        service = self.services[name]
        command = self._command(name, service.health, at_home=True)
        return (
            subprocess.run(command, check=False, env=self._environment(name), capture_output=True, timeout=PATIENCE).returncode
            == 0
        )

    def wait_healthy(self, name: str) -> None:
        """Wait until a service's health check passes.

        Raises:
            DidNotWork: it ended, or it says that it is ready and the check does not agree.
        """
        if name not in self._processes:
            return
        until = time.monotonic() + PATIENCE
        while not self.is_healthy(name):
            if "ready on" in self.log(name):
                until = min(until, time.monotonic() + _AGREE_SECONDS)
            if self._processes[name].poll() is not None or time.monotonic() > until:
                raise DidNotWork(f"{name}: {self.log(name)[-2000:]}")
            time.sleep(0.2)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self, name: str) -> int:
        process = self._processes.pop(name)
        process.terminate()
        try:
            return process.wait(PATIENCE)
        finally:
            process.kill()

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for name in reversed(list(self._processes)):
            self.stop(name)

    def _start(self, name: str) -> None:
        if name in self._processes:
            return
        service = self.services[name]
        for other, condition in service.waits_for.items():
            if condition == "service_completed_successfully":
                if not (self._folder / f"{other}.done").exists():
                    self._finish(other)
                continue
            self._start(other)
            if condition == "service_healthy":
                self.wait_healthy(other)
        if service.raw.get("restart") == "no":
            if not (self._folder / f"{name}.done").exists():
                self._finish(name)
            return
        self._processes[name] = self._launch(name)

    def _finish(self, name: str) -> None:
        if self._launch(name).wait(PATIENCE):
            raise DidNotWork(f"{name}: {self.log(name)[-2000:]}")
        (self._folder / f"{name}.done").touch()

    def _launch(self, name: str) -> subprocess.Popen[bytes]:
        service = self.services[name]
        command = self._store(service) if "MINIO_ROOT_USER" in service.environment else self._command(name, service.command)
        if service.raw.get("read_only") and service.raw.get("cap_drop") == ["ALL"] and can_confine():
            command = self._confined(service, command)
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment(name), stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _confined(self, service: Service, command: Sequence[str]) -> list[str]:
        place = self._folder / f"{service.name}-root"
        place.mkdir(exist_ok=True)
        folders = {mount: self._place(mount.source or f"{service.name}-tmp") for mount in service.mounts}
        return confined(
            command,
            place,
            writable=[folder for mount, folder in folders.items() if folder.is_dir() and not mount.is_read_only],
            read_only=[folder for mount, folder in folders.items() if folder.is_dir() and mount.is_read_only],
        )

    def _store(self, service: Service) -> list[str]:
        told = [self._placed(service.name, word) for word in service.command]
        certificates = Path(told[told.index("--certs-dir") + 1])
        key = Path(self._placed(service.name, service.environment["MINIO_ROOT_PASSWORD_FILE"])).read_text()
        host, port = self._hosts[service.name], told[told.index("--address") + 1].removeprefix(":")
        return [
            *(str(_SCRIPTS / "rclone"), "serve", "s3", "--config", os.devnull, "--etag-hash", "", "--dir-cache-time", "1s"),
            *("--addr", f"{host}:{port}", "--auth-key", f"{service.environment['MINIO_ROOT_USER']},{key}"),
            *("--cert", str(certificates / "public.crt"), "--key", str(certificates / "private.key"), told[1]),
        ]

    def _command(self, name: str, words: Sequence[str], *, at_home: bool = False) -> list[str]:
        placed = [self._placed(name, word, at_home=at_home) for word in words]
        if placed[0] == "curl" and shutil.which("curl") is None:
            raise AssertionError("this test needs curl")
        if placed[0] == "curl":  # rclone has no such path; that it answers, with the right certificate, is what it can tell
            placed = [word.replace("/minio/health/live", "/") for word in placed if word != "--fail"]
        own = {"python": sys.executable}
        return [own.get(placed[0], placed[0]), *placed[1:]]

    def _environment(self, name: str) -> dict[str, str]:
        kept = {variable: os.environ[variable] for variable in _HANDED_ON if variable in os.environ}
        given = {variable: self._placed(name, value) for variable, value in self.services[name].environment.items()}
        return {**kept, "PATH": f"{_SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(self._place(f"{name}-tmp")), **given}

    def _placed(self, name: str, text: str, *, at_home: bool = False) -> str:
        """Put addresses for names and folders for mounts into a word of a command or the value of a variable."""
        folders = {mount.target: self._place(mount.source or f"{name}-tmp") for mount in self.services[name].mounts}
        own = self._hosts[name]
        hosts = {**self._hosts, _EVERYWHERE: own}
        near = ("localhost", "127.0.0.1") if at_home else ()
        paths = "|".join(map(re.escape, sorted(folders, key=len, reverse=True))) or "(?!)"
        names = "|".join(map(re.escape, [*hosts, *near]))
        pattern = (
            rf"(?P<path>(?<![\w/.:])(?:{paths})(?=/|@|$|[\s\")]))|(?P<host>(?:(?<=://)|(?<![\w./-]))(?:{names})(?=:\d|,|/|$|'))"
        )

        def replaced(match: re.Match[str]) -> str:
            if match["path"]:
                return str(folders[match["path"]])
            return hosts.get(match["host"], own)

        for machine, service in self._machines.items():
            text = re.sub(rf"(?<![\w.-]){re.escape(machine)}:(\d+)", lambda match, to=service: self.address(to, match[1]), text)  # type: ignore[misc]
        # A lone word is a name only after a comma, or it would be a command's own word.
        return text if re.fullmatch(r"\w+", text) else re.sub(pattern, replaced, text)

    def _place(self, source: str) -> Path:
        if source in self._shared:
            return self._shared[source]
        if source.startswith("."):
            return (DEPLOY / source).resolve()
        folder = self._folder / "volumes" / source.strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder
