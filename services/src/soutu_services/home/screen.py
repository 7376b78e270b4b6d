"""What the person at the terminal sees: plain lines, in colour and with a spinner only where the output is a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from soutu_services.runtime.language import Language, Text

__all__ = ["Screen"]


class Screen:
    """The terminal, in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a path may hold what the terminal's encoding lacks
        self._out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._error = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def say(self, text: Text, *, style: str = "") -> None:
        """Write one line."""
        self._out.print(text.to(self.language), style=style or None)
        sys.stdout.flush()

    def complain(self, text: Text) -> None:
        """Write one line about something that is wrong, to standard error."""
        self._error.print(text.to(self.language), style="bold red")

    def heading(self, text: Text) -> None:
        """Write a line that stands above others."""
        self._out.print()
        self.say(text, style="bold green")

    def table(self, rows: Sequence[tuple[Text, str]]) -> None:
        """Write names and values below each other."""
        names = [name.to(self.language) for name, _ in rows]
        width = max(map(_columns, names))
        for name, (_, value) in zip(names, rows, strict=True):
            self._out.print(f"  {name}{' ' * (width - _columns(name))}   {value}")
        sys.stdout.flush()

    @contextmanager
    def busy(self, text: Text) -> Iterator[None]:
        """Show that something is being waited for."""
        if self._out.is_terminal:
            with self._out.status(text.to(self.language)):
                yield
        else:
            self.say(text)
            yield


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes; a Chinese character takes two."""
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)
