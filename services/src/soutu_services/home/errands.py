"""What the house does by itself once it runs: add the given photos and answer a first search, as any client would.

It uses the command line ``soutu`` of the client, a distribution of its own, as another program: what works here works from any
machine of the home.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from soutu_services.home.programs import script
from soutu_services.home.security import Security
from soutu_services.home.settings import HomeSettings
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.language import Language
from soutu_services.runtime.probe import reachable

__all__ = ["Errands"]

_TICK_SECONDS = 0.1
_WORKED = frozenset({0, 3, 5})
"""Exit statuses of ``soutu`` with which there is no reason to stop: done, nothing was found, some files could not be read."""
_STOP_SECONDS = 10.0


class Errands:
    """Runs ``soutu`` commands against the house, in the terminal of the person.

    Args:
        settings: Says where the search service answers.
        security: Says how it is entered.
        language: Language of the commands' messages.
        meanwhile: Called again and again while a command runs.
        should_stop: When it says so, the command is interrupted.
    """

    def __init__(
        self,
        settings: HomeSettings,
        security: Security,
        language: Language,
        *,
        meanwhile: Callable[[], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._address = str(reachable(Address.parse(settings.search_listen)))
        self._program = script("soutu")
        self._login = security.client_variables
        self._environment = {**os.environ, **self._login, "SOUTU_ADDRESS": self._address, "SOUTU_LANGUAGE": language}
        self._meanwhile = meanwhile
        self._should_stop = should_stop

    @property
    def can_run(self) -> bool:
        """Whether the command line is installed here."""
        return self._program is not None

    def spelled(self, *arguments: str) -> str:
        """Write a command as a person would type it in this folder."""
        program = self._program or Path("soutu")
        with_folder = os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)
        address = {} if self._address == "127.0.0.1:8401" else {"SOUTU_ADDRESS": self._address}
        elsewhere = "".join(f"{name}={shlex.quote(value)} " for name, value in (address | self._login).items())
        return f"{elsewhere}{shlex.quote(with_folder)} {' '.join(arguments)}"

    def add(self, photos: Path) -> bool:
        """Copy photos into the library and wait until they can be searched, with a progress bar."""
        return self._run("add", str(photos))

    def sync(self) -> bool:
        """Read the sources for what is new and wait until it can be searched, with a progress bar."""
        return self._run("sync")

    def search(self, sentence: str) -> bool:
        """Search and show what was found."""
        return self._run("search", sentence, "--limit", "5")

    def status(self) -> bool:
        """Show how the library is."""
        return self._run("status")

    def _run(self, *arguments: str) -> bool:
        if self._program is None:
            return False
        process = subprocess.Popen([str(self._program), *arguments], env=self._environment, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            self._meanwhile()
            if self._should_stop():
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                return False
            time.sleep(_TICK_SECONDS)
        return process.returncode in _WORKED
