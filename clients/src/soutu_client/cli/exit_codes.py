"""What ``soutu`` tells the shell. ``soutu --help`` lists these."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Exit status of a command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOTHING_FOUND = 3
    UNREACHABLE = 4
    SOME_FAILED = 5
    INTERRUPTED = 130
