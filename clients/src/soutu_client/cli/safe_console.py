"""A console that shows every text and obeys none; slow to load, as rich is."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from soutu_client.cli.terminal import does_something, printable

__all__ = ["SafeConsole"]


class SafeConsole(Console):
    """Rich's console, with control and direction characters in texts replaced, whatever they are part of.

    Only what rich itself asks of the terminal (colours, the cursor of a progress bar) gets through. Line breaks do too: what must
    stay in one line is to go through ``printable`` before.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, as rich does."""
        for segment in super().render(renderable, options):
            if segment.control or not any(does_something(char) and char != "\n" for char in segment.text):
                yield segment
            else:
                yield Segment("\n".join(printable(line) for line in segment.text.split("\n")), segment.style)
