"""systemd's unit files as systemd reads them, and their services as processes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compose_files import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("soutu-*.service"))
_INSTALLED = "/opt/soutu/.venv"
_SECRETS = "/etc/soutu/secrets"
_STATE = "/var/lib"


@dataclass(frozen=True)
class Unit:
    """``settings`` holds each setting's values, in order."""

    name: str
    settings: Mapping[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> Unit:
        found: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith(("#", ";")):
                found.setdefault(name, []).append(value)
        return cls(path.stem, found)

    @property
    def environment(self) -> dict[str, str]:
        words = [word for line in self.settings["Environment"] for word in shlex.split(line)]
        return dict(word.partition("=")[::2] for word in words)

    def start(self, root: Path, host: str, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start what it starts, on a machine whose folders are below ``root`` and whose every address is ``host``.

        It is given the credentials that it asks for, the folder that is its state, and the variables of a settings file.
        """
        given = root / "credentials" / self.name
        given.mkdir(parents=True)
        for credential in self.settings["LoadCredential"]:
            name, _, source = credential.partition(":")
            (given / name).write_bytes(Path(self._placed(root, host, source)).read_bytes())
        for folder in self.settings["StateDirectory"]:
            (root / "lib" / folder).mkdir(parents=True, exist_ok=True)
        variables = {name: self._placed(root, host, value) for name, value in (self.environment | dict(more)).items()}
        variables = {name: value.replace("%d", str(given)) for name, value in variables.items()}
        variables |= {"CREDENTIALS_DIRECTORY": str(given), "PATH": os.environ["PATH"], "SOUTU_LANGUAGE": "en"}
        command = re.sub(r"\$\{(\w+)\}", lambda match: variables[match[1]], self.settings["ExecStart"][0])
        words = shlex.split(self._placed(root, host, command))
        with (root / f"{self.name}.log").open("wb") as log:
            return subprocess.Popen(words, env=variables, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _placed(self, root: Path, host: str, text: str) -> str:
        for was, becomes in (
            (_INSTALLED, sys.prefix),
            (_SECRETS, str(root / "secrets")),
            (f"{_STATE}/", f"{root / 'lib'}/"),
            ("--cache-dir /tmp", f"--cache-dir {root / 'cache'}"),
        ):
            text = text.replace(was, becomes)
        return re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1):", f"{host}:", text)
