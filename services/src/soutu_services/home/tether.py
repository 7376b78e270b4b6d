"""Start a program that does not outlive its parent: ``python -m soutu_services.home.tether PARENT_PID PROGRAM ARGUMENT…``.

On Linux the kernel sends SIGTERM to the program when its parent dies, however it dies (``PR_SET_PDEATHSIG``, prctl(2)); the
setting survives ``exec``. Elsewhere the program is started as it is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and become the program.

    Args:
        arguments: The parent's process id, then the program and its arguments.
    """
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the call above
            sys.exit(1)
    # A shell's background job has SIGINT ignored, which exec would hand on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main(sys.argv[1:])
