"""A font of the system that has Chinese characters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pygame
import pygame.freetype

from soutu_client._font_files import chinese_font_files

__all__ = ["Typeface"]

_PROBE = "搜图相册海边孩子，。：“”"
_MOST_FACES = 12
_SIMPLIFIED = (" SC", " CN", " GB", "CN ")
_ELLIPSIS = "…"

Colour = tuple[int, int, int]


class Typeface:
    """Draws lines of text.

    Attributes:
        has_chinese: Whether it can write Chinese; else it is pygame's own, which has Latin letters only.
    """

    def __init__(self, file: str | None, face: int, *, has_chinese: bool) -> None:
        pygame.freetype.init()
        self._font = pygame.freetype.Font(file, size=24, font_index=face)
        self._font.pad = True
        self.has_chinese = has_chinese

    @classmethod
    def find(cls, chosen: Path | None) -> Self:
        """Return the chosen font if it can be read, else the first of the system's that has the characters, else pygame's."""
        pygame.freetype.init()
        with contextlib.suppress(OSError, ValueError, RuntimeError, pygame.error):
            if chosen is not None:
                return cls(str(chosen), 0, has_chinese=_has_all(_open(str(chosen), 0)))
        for file in chinese_font_files():
            for face in _faces(file):
                return cls(file, face, has_chinese=True)
        return cls(None, 0, has_chinese=False)

    @property
    def name(self) -> str:
        """Family of the font."""
        return str(self._font.name)

    def line(self, text: str, size: int, colour: Colour, width: int | None = None) -> pygame.Surface:
        """Draw a line; what has no glyph is left out, what is wider than ``width`` pixels is cut with an ellipsis."""
        text = self._writable(text)
        if width is not None and self.width(text, size) > width:
            low, high = 0, len(text)
            while low < high:
                middle = (low + high + 1) // 2
                fits = self.width(text[:middle].rstrip() + self._cut, size) <= width
                low, high = (middle, high) if fits else (low, middle - 1)
            text = text[:low].rstrip() + self._cut
        surface, _ = self._font.render(text or " ", colour, size=size)
        return surface

    def lines(self, text: str, size: int, width: int, most: int) -> list[str]:
        """Break a text into lines: at spaces where there are some, between Chinese characters anywhere."""
        lines, current = [], ""
        for word in _words(self._writable(text)):
            if current and self.width(current + word, size) > width:
                lines.append(current.strip())
                current = word.lstrip()
            else:
                current += word
        lines.append(current.strip())
        if len(lines) > most:
            lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
        return [each for each in lines if each]

    def width(self, text: str, size: int) -> int:
        """Return how wide a line is in pixels."""
        return int(self._font.get_rect(text, size=size).width)

    def height(self, size: int) -> int:
        """Return how high a line is in pixels."""
        return int(self._font.get_sized_height(size))

    @property
    def _cut(self) -> str:
        return _ELLIPSIS if self._writable(_ELLIPSIS) else "..."

    def _writable(self, text: str) -> str:
        plain = "".join(each if each.isprintable() else " " * each.isspace() for each in text)
        metrics = self._font.get_metrics(plain)
        if len(metrics) != len(plain):  # what takes several code units is told as several
            plain = "".join(each for each in plain if ord(each) < 0x10000)
            metrics = self._font.get_metrics(plain)
        return "".join(each for each, known in zip(plain, metrics, strict=True) if known is not None)


def _open(file: str, face: int) -> pygame.freetype.Font:
    return pygame.freetype.Font(file, size=24, font_index=face)


def _faces(file: str) -> Iterator[int]:
    """Yield the faces of a file that can write Chinese: those for simplified characters first."""
    found = []
    with contextlib.suppress(OSError, ValueError, RuntimeError, pygame.error):
        for face in range(_MOST_FACES):
            font = _open(file, face)
            if not _has_all(font):
                break
            found.append((not any(each in font.name for each in _SIMPLIFIED) or "Mono" in font.name, face))
    yield from (face for _, face in sorted(found))


def _has_all(font: pygame.freetype.Font) -> bool:
    return all(each is not None for each in font.get_metrics(_PROBE))


def _words(text: str) -> Iterator[str]:
    word = ""
    for each in text:
        if each == " " or each >= "\u2e80":
            if word:
                yield word
            word = ""
            if each != " ":
                yield each
                continue
        word += each
    if word:
        yield word
