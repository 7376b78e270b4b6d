import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE, eventually
from soutu_services.home.log_file import LogFile
from soutu_services.home.problem import HomeProblem
from soutu_services.home.supervisor import Program, Supervisor
from soutu_services.runtime.language import Text

Deaths = list[tuple[str, int, float]]

FOR_LONG = f"time.sleep({10 * PATIENCE})"


@pytest.fixture
def deaths() -> Deaths:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, deaths: Deaths) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, log_bytes=10_000, on_death=lambda program, *how: deaths.append((program.name, *how)))
    yield supervisor
    supervisor.stop()


def python(tmp_path: Path, name: str, code: str, *, stop_seconds: float = PATIENCE) -> Program:
    """A program that is ready once it has written its process id into a file of its name."""
    mark = tmp_path / name
    code = f"import os, pathlib, signal, sys, time\n{code}"
    code = code.replace("READY", f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))")

    def is_ready() -> bool:
        return mark.exists() and mark.read_text() != ""

    return Program(name, Text(zh=name, en=name), (sys.executable, "-c", code), dict(os.environ), is_ready, stop_seconds)


def start(supervisor: Supervisor, program: Program) -> None:
    supervisor.start(program)
    assert supervisor.wait_ready(program, limit_seconds=PATIENCE, should_stop=lambda: False)


def watch_until(supervisor: Supervisor, holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE
    supervisor.run_until(lambda: holds() or time.monotonic() > give_up_at)
    assert holds()


def test_starts_a_dead_program_again_and_says_so(tmp_path: Path, supervisor: Supervisor, deaths: Deaths) -> None:
    start(supervisor, python(tmp_path, "service", f"READY; {FOR_LONG}"))
    first = (tmp_path / "service").read_text()
    os.kill(int(first), signal.SIGKILL)
    watch_until(supervisor, lambda: (tmp_path / "service").read_text() not in ("", first))
    assert deaths == [("service", -signal.SIGKILL, 0.5)]


def test_waits_longer_after_each_death(
    tmp_path: Path, supervisor: Supervisor, deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.home.supervisor._STEADY_SECONDS", 10 * PATIENCE)
    may_die = tmp_path / "may die"
    wait = f"while not pathlib.Path({str(may_die)!r}).exists():\n    time.sleep(0.01)"
    start(supervisor, python(tmp_path, "service", f"READY\n{wait}\nsys.exit(3)"))
    may_die.touch()
    watch_until(supervisor, lambda: len(deaths) == 2)
    assert deaths == [("service", 3, 0.5), ("service", 3, 1.0)]


def test_stops_the_last_started_first(tmp_path: Path, supervisor: Supervisor) -> None:
    on_stop = "signal.signal(signal.SIGTERM, lambda *_: (open(ORDER, 'a').write(NAME), sys.exit(0)))\nREADY; " + FOR_LONG
    for name in ("a", "b", "c"):
        code = on_stop.replace("ORDER", repr(str(tmp_path / "order"))).replace("NAME", repr(name))
        start(supervisor, python(tmp_path, name, code))
    supervisor.stop()
    assert (tmp_path / "order").read_text() == "cba"


def test_kills_what_does_not_stop(tmp_path: Path, supervisor: Supervisor) -> None:
    outlived = tmp_path / "outlived"
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); READY; time.sleep({PATIENCE})"
    start(supervisor, python(tmp_path, "deaf", f"{deaf}; pathlib.Path({str(outlived)!r}).touch()", stop_seconds=0.3))
    supervisor.stop()
    assert not outlived.exists(), "it was not waited for"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "deaf").read_text()), 0)


def test_tells_why_a_program_does_not_start(tmp_path: Path, supervisor: Supervisor) -> None:
    program = python(tmp_path, "service", "sys.exit('the model is missing')")
    supervisor.start(program)
    with pytest.raises(HomeProblem, match="the model is missing"):
        supervisor.wait_ready(program, limit_seconds=PATIENCE, should_stop=lambda: False)


def test_tells_that_a_program_never_answers(tmp_path: Path, supervisor: Supervisor) -> None:
    program = python(tmp_path, "service", FOR_LONG)
    supervisor.start(program)
    with pytest.raises(HomeProblem, match="did not answer"):
        supervisor.wait_ready(program, limit_seconds=0.2, should_stop=lambda: False)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_programs_do_not_outlive_a_killed_house(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "from soutu_services.home.supervisor import Program, Supervisor\n"
        "from soutu_services.runtime.language import Text\n"
        "mark = pathlib.Path(sys.argv[1], 'mark')\n"
        "code = f'import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(1200)'\n"
        "supervisor = Supervisor(pathlib.Path(sys.argv[1]), log_bytes=10000, on_death=print)\n"
        "supervisor.start(Program('x', Text(zh='x', en='x'), (sys.executable, '-c', code), dict(os.environ), mark.exists, 1.0))\n"
        "time.sleep(1200)\n"
    )
    house = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    mark = tmp_path / "mark"
    try:
        eventually(lambda: mark.exists() and mark.read_text() != "")
    finally:
        house.kill()
        house.wait()
    eventually(lambda: not is_running(int(mark.read_text())))


def test_a_log_does_not_grow_without_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "service.log", 1000)
    with log.open() as output:
        for number in range(300):
            output.write(f"line {number}\n".encode())
            output.flush()
            log.keep_small()
    assert (tmp_path / "service.log").stat().st_size <= 1010
    assert (tmp_path / "service.log.1").stat().st_size <= 1010
    assert log.last_line() == "line 299"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["service.log", "service.log.1"]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
