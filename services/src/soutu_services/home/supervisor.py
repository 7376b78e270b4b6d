"""Child processes that are started, watched, started again when they die, and stopped.

One thread does all of it: the one that starts a child must outlive it, since on Linux the kernel ends a tethered child with the
thread that started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from soutu_services.home.log_file import LogFile
from soutu_services.home.problem import HomeProblem
from soutu_services.runtime.language import Text

__all__ = ["Program", "Supervisor"]

_TICK_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
"""After running this long, a program's next death counts as its first."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that the house needs.

    Attributes:
        name: Short name, also of its log.
        title: Its name for people.
        command: Absolute path of the program, then its arguments. No secrets: other people of the machine can see them.
        environment: Its whole environment.
        is_ready: Whether it answers.
        stop_seconds: How long it may take to stop before it is killed.
    """

    name: str
    title: Text
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    stop_seconds: float


class _Child:
    """A program and the process that runs it now, if any."""

    def __init__(self, program: Program, log: LogFile) -> None:
        self.program = program
        self.log = log
        self.deaths = 0
        self.started = 0.0
        self.start_at: float | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, in a session of its own: Ctrl-C in the terminal is for the house, not for it."""
        command = [sys.executable, "-m", "soutu_services.home.tether", str(os.getpid()), *self.program.command]
        with self.log.open() as output:
            self.process = subprocess.Popen(
                command,
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started = time.monotonic()
        self.start_at = None


class Supervisor:
    """Keeps programs running until it is told to stop them, the last one started first.

    Args:
        log_folder: Where each program's output goes, as ``NAME.log``.
        log_bytes: Size at which a log is put aside.
        on_death: Called when a program has died: the program, its exit status (negative: the signal that ended it) and the
            seconds until it is started again.
    """

    def __init__(self, log_folder: Path, *, log_bytes: int, on_death: Callable[[Program, int, float], None]) -> None:
        self._log_folder = log_folder
        self._log_bytes = log_bytes
        self._on_death = on_death
        self._children: list[_Child] = []

    def start(self, program: Program) -> None:
        """Start a program and watch it from now on."""
        child = _Child(program, LogFile(self._log_folder / f"{program.name}.log", self._log_bytes))
        self._children.append(child)
        child.start()

    def wait_ready(self, program: Program, *, limit_seconds: float, should_stop: Callable[[], bool]) -> bool:
        """Wait until a program that was just started answers.

        Returns:
            False if ``should_stop`` said so first.

        Raises:
            HomeProblem: it died, or does not answer within the limit.
        """
        child = next(child for child in self._children if child.program is program)
        limit = time.monotonic() + limit_seconds
        while not should_stop():
            if child.process is not None and child.process.poll() is not None:
                raise _did_not_start(child)
            if program.is_ready():
                return True
            if time.monotonic() > limit:
                raise HomeProblem(
                    zh=f"{program.title.zh}在 {limit_seconds:g} 秒内没有应答。请看日志：{child.log.path}",
                    en=f"the {program.title.en} did not answer within {limit_seconds:g} s. See its log: {child.log.path}",
                )
            time.sleep(_TICK_SECONDS)
        return False

    def tick(self) -> None:
        """Look after every program once: start the dead again when their time has come, keep the logs small."""
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and (status := child.process.poll()) is not None:
                child.deaths = 1 if now - child.started > _STEADY_SECONDS else child.deaths + 1
                pause = min(_FIRST_PAUSE_SECONDS * 2 ** (child.deaths - 1), _LONGEST_PAUSE_SECONDS)
                child.process, child.start_at = None, now + pause
                self._on_death(child.program, status, pause)
            if child.start_at is not None and now >= child.start_at:
                child.start()
            child.log.keep_small()

    def run_until(self, should_stop: Callable[[], bool]) -> None:
        """Look after the programs until ``should_stop`` says so."""
        while not should_stop():
            self.tick()
            time.sleep(_TICK_SECONDS)

    def stop(self) -> None:
        """Stop every program, the last one started first; one that does not stop in time is killed."""
        while self._children:
            child = self._children.pop()
            if child.process is None:
                continue
            child.process.terminate()
            try:
                child.process.wait(child.program.stop_seconds)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            finally:
                _end_rest_of_session(child.process.pid)


def _end_rest_of_session(leader: int) -> None:
    """End what a program may have started itself and left behind."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _did_not_start(child: _Child) -> HomeProblem:
    title, last = child.program.title, child.log.last_line()
    return HomeProblem(
        zh=f"{title.zh}没有启动成功：{last or '没有输出'}（日志：{child.log.path}）",
        en=f"the {title.en} did not start: {last or 'it said nothing'} (log: {child.log.path})",
    )
