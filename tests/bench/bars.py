"""Draws what was measured as bars, in groups that each have a scale of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

__all__ = ["Bar", "Group", "draw_bars"]

_WIDTH, _ROW, _MARGIN = 1200, 26, 24
_NAMES, _NOTES = 420, 300
_INK, _LIMIT = (40, 40, 40), (214, 39, 40)
_COLOURS = {"baseline": (160, 160, 160), "ours": (31, 119, 180)}


@dataclass(frozen=True)
class Bar:
    """One figure: its name, its length, what is written behind it, and whether it is what others are compared with."""

    name: str
    value: float
    note: str
    is_baseline: bool = False


@dataclass(frozen=True)
class Group:
    """Bars of one unit. ``limit`` is drawn as a line: what is wanted, or what the machine allows."""

    title: str
    bars: Sequence[Bar]
    limit: float | None = None


def draw_bars(groups: Sequence[Group], path: Path) -> None:
    """Draw into a PNG."""
    rows = sum(len(group.bars) + 2 for group in groups)
    image = Image.new("RGB", (_WIDTH, rows * _ROW + 2 * _MARGIN), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    left, right = _MARGIN + _NAMES, _WIDTH - _MARGIN - _NOTES
    down = float(_MARGIN)
    for group in groups:
        most = max([1e-9, group.limit or 0.0, *(bar.value for bar in group.bars)])
        draw.text((_MARGIN, down + _ROW / 2), group.title, _INK, font, anchor="lm")
        down += _ROW
        if group.limit is not None:
            at = left + group.limit / most * (right - left)
            draw.line((at, down, at, down + len(group.bars) * _ROW), _LIMIT, 2)
        for bar in group.bars:
            end = left + max(1.0, bar.value / most * (right - left))
            colour = _COLOURS["baseline" if bar.is_baseline else "ours"]
            draw.rectangle((left, down + 4, end, down + _ROW - 4), colour)
            draw.text((left - 8, down + _ROW / 2), bar.name, _INK, font, anchor="rm")
            draw.text((end + 8, down + _ROW / 2), bar.note, _INK, font, anchor="lm")
            down += _ROW
        down += _ROW
    image.save(path)
