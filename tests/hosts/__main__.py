"""Put a home into network namespaces, cut and spoil its links, and see that what the design promises goes on.

    python -m hosts

The table that it prints says what was cut and what went on. The exit status is not 0 if a promise was not kept, or if this
machine does not let a program make networks of its own; then one line says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from hosts.apart import apart, end_with_standard_input, why_not_apart

_INSIDE = "--inside"


def main(arguments: list[str]) -> int:
    """Run it; return the exit status."""
    if _INSIDE in arguments:
        return _play(Path(arguments[-1]))
    reason = why_not_apart()
    if reason:
        sys.stderr.write(f"the test of several hosts cannot run: {reason}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="soutu-hosts-") as folder:
        command = apart([sys.executable, "-m", "hosts", _INSIDE, folder])
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            return process.wait()


def _play(folder: Path) -> int:
    from hosts.home import Home
    from hosts.report import Report
    from hosts.scenario import play

    end_with_standard_input()
    for name in [name for name in os.environ if name.startswith("SOUTU_")]:
        del os.environ[name]
    os.environ["HOME"] = str(folder)  # no login of the person who runs the test
    report = Report()
    home = Home(folder)
    is_kept = False
    try:
        play(home, report)
        is_kept = True
    except Exception:  # noqa: BLE001 - the table is printed in any case
        traceback.print_exc()
        for log in sorted(folder.glob("*.log")):
            sys.stderr.write(f"--- {log.stem}\n{log.read_text(errors='replace')[-3000:]}\n")
    finally:
        home.nas.power_off()
        home.gpu.power_off()
    sys.stdout.write(report.table() + "\n")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
