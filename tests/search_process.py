"""A service as a process, for tests that kill it, starve it or read what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from patience import PATIENCE

__all__ = ["SearchProcess"]


class SearchProcess:
    """``python -m soutu_services.search``, or another program, with its standard error gathered.

    ``within`` are words of a command that runs it.
    """

    def __init__(
        self, environment: dict[str, str], *, within: Sequence[str] = (), program: str = "soutu_services.search"
    ) -> None:
        self._lines: list[str] = []
        self._ready = threading.Event()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        self.popen = subprocess.Popen(
            [*within, sys.executable, "-m", program],
            env={**clean, "SOUTU_LANGUAGE": "en", "SOUTU_SEARCH_ANNOUNCE": "off", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        with self.popen.stderr as lines:
            for line in lines:
                self._lines.append(line)
                ready = re.search(r"ready on (\S+)", line)
                if ready:
                    self.address = ready[1]
                    self._ready.set()
        self._ready.set()

    def wait_ready(self) -> str:
        assert self._ready.wait(PATIENCE)
        assert self.address, self.output
        return self.address

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(PATIENCE)
        finally:
            self.popen.kill()
            self.popen.wait()
            self._thread.join()
