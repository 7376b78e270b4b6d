"""Whether the terminal shows pictures, and how: it is asked, in words that terminals without pictures pass over."""

from __future__ import annotations

import os
import re
import select
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Graphics", "ask_terminal"]

_VARIABLE = "SOUTU_GRAPHICS"
_ANSWER_SECONDS = 1.0
_USUAL_CELL = (10, 20)

_KITTY_QUESTION = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"  # https://sw.kovidgoyal.net/kitty/graphics-protocol/
_KITTY_YES = re.compile(rb"\x1b_Gi=31;(.*?)\x1b\\", re.DOTALL)
_CELL_QUESTION = b"\x1b[16t"  # xterm's control sequences: the size of a character
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_KIND_QUESTION = b"\x1b[c"  # ECMA-48, DA; every terminal answers, those with sixel with a 4 among other numbers
_KIND = re.compile(rb"\x1b\[\?([0-9;]*)c")


@dataclass(frozen=True)
class Graphics:
    """How this terminal takes pictures.

    Attributes:
        kind: Which protocol; ``none``: it shows no pictures.
        cell: Width and height of a character in pixels.
        typed: What a person typed while the terminal was asked.
    """

    kind: Literal["kitty", "sixel", "none"] = "none"
    cell: tuple[int, int] = _USUAL_CELL
    typed: str = ""

    @property
    def room(self) -> tuple[int, int]:
        """Width and height in pixels that a picture may have now, with two lines left for text."""
        size = shutil.get_terminal_size()
        return max(1, size.columns - 1) * self.cell[0], max(6, size.lines - 2) * self.cell[1]


def ask_terminal(environment: Mapping[str, str] = os.environ) -> Graphics:
    """Ask the terminal, a second at most; ``SOUTU_GRAPHICS`` (kitty, sixel or none) answers for it.

    The question of kitty's protocol is put to those alone that are likely to know it: some others would print it.
    """
    chosen = environment.get(_VARIABLE, "")
    if chosen == "none" or environment.get("TERM", "dumb") in ("dumb", "linux", "") or sys.platform == "win32":
        return Graphics()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Graphics()
    cell = _cell_of_window()
    if chosen in ("kitty", "sixel"):
        return Graphics("kitty" if chosen == "kitty" else "sixel", cell or _USUAL_CELL)
    is_kitty_likely = _is_kitty_likely(environment)
    question = (_KITTY_QUESTION if is_kitty_likely else b"") + (b"" if cell else _CELL_QUESTION) + _KIND_QUESTION
    answer = _ask(question)
    told = _CELL.search(answer)
    if told is not None and int(told[1]) and int(told[2]):
        cell = int(told[2]), int(told[1])
    kind, yes = _KIND.search(answer), _KITTY_YES.search(answer)
    rest = answer
    for pattern in (_KIND, _KITTY_YES, _CELL):
        rest = pattern.sub(b"", rest)
    typed = "".join(char for char in rest.decode("utf-8", "ignore") if char.isprintable()) if b"\x1b" not in rest else ""
    if yes is not None and yes[1] == b"OK":
        return Graphics("kitty", cell or _USUAL_CELL, typed)
    if kind is not None and b"4" in kind[1].split(b";")[1:]:  # the first number is the terminal's class
        return Graphics("sixel", cell or _USUAL_CELL, typed)
    return Graphics(typed=typed)


def _is_kitty_likely(environment: Mapping[str, str]) -> bool:
    term = environment.get("TERM", "")
    if "TMUX" in environment or "STY" in environment or term.startswith(("screen", "tmux")):
        return False  # they take the question for a title
    return (
        term in ("xterm-kitty", "xterm-ghostty")
        or environment.get("TERM_PROGRAM") in ("ghostty", "WezTerm", "kitty")
        or "KITTY_WINDOW_ID" in environment
        or "KONSOLE_VERSION" in environment
    )


def _cell_of_window() -> tuple[int, int] | None:
    """Return the size of a character as the system knows it; None: it does not."""
    import fcntl  # noqa: PLC0415 - not on Windows
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    try:
        told = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", told)
    return (width // columns, height // rows) if rows and columns and width >= columns and height >= rows else None


def _ask(question: bytes) -> bytes:
    """Write a question that ends with one that every terminal answers, and return all that came until that answer."""
    import termios  # noqa: PLC0415 - not on Windows
    import tty  # noqa: PLC0415

    source, target = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(source)
    answer = b""
    give_up = time.monotonic() + _ANSWER_SECONDS
    try:
        tty.setcbreak(source, termios.TCSANOW)
        sys.stdout.flush()
        os.write(target, question)
        while (left := give_up - time.monotonic()) > 0 and _KIND.search(answer) is None:
            if select.select([source], [], [], left)[0]:
                some = os.read(source, 4096)
                if not some:
                    break
                answer += some
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
    return answer
