"""Reading a line at the terminal, with the lines before it at hand, today's and those of other days."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from soutu_client._user_folders import private_folder, state_folder

__all__ = ["LineEditor"]

_MOST_LINES = 1000


class LineEditor:
    """Uses readline where Python has it. The history is a file that its owner alone can read."""

    def __init__(self, *, typed: str = "") -> None:
        """Begin.

        Args:
            typed: What the first line begins with.
        """
        self._readline = _readline()
        self._file: Path | None = None
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a terminal may write GBK: whoever takes the line reads that too
        if self._readline is None:
            return
        readline = self._readline
        readline.set_auto_history(False)
        # A terminal that is slow may say what it is at the prompt: that, and keys that mean nothing, are passed over.
        readline.parse_and_bind(r'"\e[": skip-csi-sequence')
        readline.set_history_length(_MOST_LINES)
        if typed:
            readline.set_startup_hook(lambda: readline.insert_text(typed))
        with suppress(OSError, UnicodeError):  # searches can be made all the same
            file = state_folder() / "history"
            private_folder(file.parent)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            readline.read_history_file(file)
            self._file = file

    def read(self, prompt: str) -> str:
        """Return the next line.

        Raises:
            EOFError: There is none (Ctrl-D).
            KeyboardInterrupt: Ctrl-C.
        """
        line = input(prompt)
        if self._readline is not None:
            self._readline.set_startup_hook(None)
            length = self._readline.get_current_history_length()
            if line.strip() and (not length or self._readline.get_history_item(length) != line):
                self._readline.add_history(line)
                self._keep()
        return line

    def _keep(self) -> None:
        """Keep the history at once, so that a terminal that is closed loses none."""
        if self._file is not None and self._readline is not None:
            with suppress(OSError):
                self._readline.write_history_file(self._file)
                self._file.chmod(0o600)


def _readline() -> ModuleType | None:
    try:
        import readline  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    return readline
