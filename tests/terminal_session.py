"""A program at a terminal of its own: a pty that types, reads what is shown, and may answer questions as real terminals do."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from patience import PATIENCE, eventually

# Or Ctrl-C would reach nobody. In a program of its own, since code between fork and exec is none that gRPC bears in this process.
_OWN_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


# Of this process's environment; a person's own settings are kept out by what the tests set for all of them.
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


class TerminalSession:
    """Runs a program in a new session on a pty. ``answers`` are sent back whenever the program writes what they belong to."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        answers: Mapping[bytes, bytes] | None = None,
        columns: int = 100,
        rows: int = 40,
        pixels: tuple[int, int] = (0, 0),
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, *pixels))
        self._answers = dict(answers or {})
        self._answered: dict[bytes, int] = {}
        self._shown = bytearray()
        self._read_until = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_THE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | dict(environment),
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)
        os.close(self._master)

    @property
    def shown(self) -> bytes:
        """Everything that the terminal was sent."""
        return bytes(self._shown)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def expect(self, text: str) -> bytes:
        """Wait until the program has shown this since the last ``expect``, and return what came before it."""
        wanted = text.encode()
        with suppress(AssertionError):  # what was shown instead says more
            eventually(lambda: wanted in self._shown[self._read_until :] or self._process.poll() is not None)
        part = bytes(self._shown[self._read_until :])
        assert wanted in part, f"{text!r} was not shown:\n{part.decode('utf-8', 'replace')[-3000:]}"
        before, _, _ = part.partition(wanted)
        self._read_until += len(before) + len(wanted)
        return before

    def type(self, text: str) -> None:
        self.write(text.encode())

    def write(self, some: bytes) -> None:
        os.write(self._master, some)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the program is over and return its exit status."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._master, 65536)
            except OSError:  # the program's end is closed
                return
            if not some:
                return
            self._shown += some
            for question, answer in self._answers.items():
                asked = self._shown.count(question)
                if asked > self._answered.get(question, 0):
                    os.write(self._master, answer * (asked - self._answered.get(question, 0)))
                    self._answered[question] = asked
