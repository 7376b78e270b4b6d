"""What runs on a machine of the home, and what becomes of it when its power goes."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hosts.network import Host
from patience import PATIENCE

__all__ = ["Machine", "Program"]

_SCRIPTS = Path(sysconfig.get_path("scripts"))


@dataclass(frozen=True)
class Program:
    """A program, and what its log holds once it is ready."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    ready: str


@dataclass
class Machine:
    """A machine with the programs that start when it does."""

    host: Host
    folder: Path
    programs: Sequence[Program]
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def switch_on(self) -> None:
        """Start the programs, and wait until each is ready."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        for program in self.programs:
            command = [str(_SCRIPTS / program.command[0]), *program.command[1:]]
            if program.command[0] == "python":
                command[0] = sys.executable
            log = self._log(program)
            log.unlink(missing_ok=True)
            with log.open("wb") as out:
                self._running[program.name] = subprocess.Popen(
                    self.host.within(command),
                    env={**own, "SOUTU_LANGUAGE": "en", "PYTHONUNBUFFERED": "1", **program.variables},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
        for program in self.programs:
            self._wait_ready(program)

    def power_off(self) -> None:
        """End the programs as a power cut does. Cut the link first, or the kernel says goodbye for them."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def log(self, name: str) -> str:
        """Return what a program said since the machine was switched on."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _log(self, program: Program) -> Path:
        return self.folder / f"{program.name}.log"

    def _wait_ready(self, program: Program) -> None:
        give_up = time.monotonic() + PATIENCE
        while program.ready not in self.log(program.name):
            if self._running[program.name].poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{program.name} did not start: {self.log(program.name)[-2000:]}")
            time.sleep(0.05)
