"""The processes of a torture run: started, killed and started again on the addresses they had."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from patience import PATIENCE

_TESTS = Path(__file__).parents[1]


class Program:
    """A Python program with a line on standard error that says when it is ready. ``log`` gathers what it says."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = command
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        paths = os.pathsep.join(filter(None, (str(_TESTS), os.environ.get("PYTHONPATH", ""))))
        self._environment = {**clean, "PYTHONPATH": paths, "SOUTU_LANGUAGE": "en", "OMP_NUM_THREADS": "1", **environment}
        self._log = log
        self._popen: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._is_ready = threading.Event()
        self._is_frozen = False
        self._popen = subprocess.Popen(
            [sys.executable, *self._command], env=self._environment, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._reader = threading.Thread(target=self._read, args=(self._popen, self._is_ready), daemon=True)
        self._reader.start()

    def _read(self, popen: subprocess.Popen[str], is_ready: threading.Event) -> None:
        assert popen.stderr is not None
        with popen.stderr as lines, self._log.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(line)
                log.flush()
                if re.search(r"ready on \S+", line):
                    is_ready.set()
        is_ready.set()

    def wait_ready(self) -> None:
        assert self._popen is not None
        if not self._is_ready.wait(PATIENCE) or self._popen.poll() is not None:
            raise RuntimeError(f"it did not start:\n{''.join(self._log.read_text(encoding='utf-8').splitlines(True)[-40:])}")

    @property
    def is_ready(self) -> bool:
        """Whether it has said so."""
        return self._is_ready.is_set()

    def freeze(self) -> None:
        """Let it stand still, at whatever it is doing, until it is thawed or killed."""
        assert self._popen is not None
        if self._is_frozen:
            return
        self._is_frozen = True
        self._popen.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self._popen.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise RuntimeError(f"it ended by itself: {status}")

    def thaw(self) -> None:
        """Let it go on."""
        assert self._popen is not None
        self._is_frozen = False
        self._popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self._popen is None:
            return 0
        self._popen.send_signal(number)
        try:
            return self._popen.wait(PATIENCE)
        finally:
            self._popen.kill()
            self._popen.wait()
            self._reader.join()
            self._popen = None
