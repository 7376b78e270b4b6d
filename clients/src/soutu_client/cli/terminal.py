"""What the terminal can show."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata

__all__ = ["does_something", "prepare_streams", "printable", "terminal_width"]

_PIPE_COLUMNS = 160
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def terminal_width() -> int:
    """Return the columns to write in; a file or pipe gets many, so that little is cut off."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return max(40, shutil.get_terminal_size().columns)
    return _PIPE_COLUMNS


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal: control and direction characters are shown as a replacement.

    Names of files come from anywhere; one may hold escape sequences or turn the writing direction round.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if does_something(char) else char for char in text)


def does_something(char: str) -> bool:
    """Whether a character is no sign but does something: moves the cursor, turns the direction of writing, hides."""
    return unicodedata.category(char) in _INVISIBLE and char not in _JOINERS


def prepare_streams() -> None:
    """Let output lose a character that the terminal's encoding lacks, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
