"""Several hosts for real: what is cut and what goes on, and that nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.apart import apart, why_not_apart
from hosts.report import Report
from patience import PATIENCE, eventually

TESTS = Path(__file__).parents[2]
_SECONDS = 600

_REASON = why_not_apart()
needs_networks = pytest.mark.skipif(bool(_REASON), reason=_REASON)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}


@needs_networks
def test_adding_and_searching_go_on_whatever_is_cut() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hosts"], check=False, env=environment(), capture_output=True, text=True, timeout=_SECONDS
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sys.stdout.write(ended.stdout)
    assert "FAILED" not in ended.stdout and "promises kept" in ended.stdout


@needs_networks
def test_nothing_is_left_of_a_run_that_is_killed() -> None:
    mark = f"100000.{os.getpid()}"
    inside = (
        "import subprocess, sys, time; from hosts.apart import end_with_standard_input; end_with_standard_input();"
        "subprocess.run(['sh', '-c', 'mount -t tmpfs none /run; ip netns add there'], check=True);"
        f"subprocess.Popen(['nsenter', '--net=/run/netns/there', 'sleep', '{mark}']);"
        "print('ready', flush=True); time.sleep(1000)"
    )
    starter = f"import subprocess; subprocess.Popen({apart([sys.executable, '-c', inside])!r}, stdin=subprocess.PIPE).wait()"
    with subprocess.Popen([sys.executable, "-c", starter], env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        eventually(lambda: running(mark))
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        eventually(lambda: not running(mark))


def running(mark: str) -> bool:
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if told.read_bytes() == f"sleep\0{mark}\0".encode():
                return True
        except OSError:  # it has just ended
            continue
    return False


def test_a_promise_that_is_broken_fails_and_is_told() -> None:
    report = Report()
    with report.event("something is cut"):
        report.holds("this goes on", lambda: True, within=5)
        with pytest.raises(AssertionError, match="it is not so"):
            report.holds("this does not", lambda: False, within=5)
        with pytest.raises(AssertionError, match="nobody is there"):
            report.comes("this never comes", nobody, within=0.2)
        with pytest.raises(AssertionError, match="longer"):
            report.holds("this is late", lambda: eventually(lambda: True), within=1e-9)
    assert report.table().count("FAILED") == 3
    assert "1 of 4 promises kept" in report.table()


def nobody() -> bool:
    raise ConnectionRefusedError("nobody is there")
