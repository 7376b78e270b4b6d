"""Draws where indexes lie between recall, time and memory, and how much faster than exact search the library's is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

__all__ = ["plot"]

_WIDTH, _HEIGHT = 1500, 760
_INK, _GRID = (40, 40, 40), (222, 222, 222)
_COLOURS = ((214, 39, 40), (255, 127, 14), (31, 119, 180), (44, 160, 44), (148, 103, 189), (140, 86, 75))
_FRONT = (80, 70, 860, 690)
_BARS = (990, 70, 1480, 690)
_LEAST_FASTER, _MOST_FASTER = 0.05, 200.0
_LEAST_RECALL = 0.4


def plot(told: Mapping[str, Any], path: Path) -> None:
    """Draw into a PNG."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    _draw_front(draw, font, [one for one in told["front"] if "problem" not in one])
    _draw_bars(draw, font, told["sizes"])
    image.save(path)


def _draw_front(draw: ImageDraw.ImageDraw, font: Any, front: Sequence[Mapping[str, Any]]) -> None:
    left, top, right, bottom = _FRONT

    def x(faster: float) -> float:
        share = math.log(min(max(faster, _LEAST_FASTER), _MOST_FASTER) / _LEAST_FASTER) / math.log(_MOST_FASTER / _LEAST_FASTER)
        return left + share * (right - left)

    def y(recall: float) -> float:
        return bottom - (max(recall, _LEAST_RECALL) - _LEAST_RECALL) / (1 - _LEAST_RECALL) * (bottom - top)

    photos = f"{front[0]['photos']:,} photos" if front else "nothing was measured"
    draw.text((left, 20), f"Recall and speed, {photos}; a disc's area is anonymous memory", _INK, font)
    for faster in (0.1, 1, 10, 100):
        draw.line((x(faster), top, x(faster), bottom), _INK if faster == 1 else _GRID)
        draw.text((x(faster), bottom + 8), f"{faster:g} x exact search", _INK, font, anchor="mt")
    for step in range(7):
        recall = _LEAST_RECALL + step * 0.1
        draw.line((left, y(recall), right, y(recall)), _GRID)
        draw.text((left - 8, y(recall)), f"{recall:.2f}", _INK, font, anchor="rm")
    names = list(dict.fromkeys(one["index"] for one in front))
    for name, colour in zip(names, _COLOURS, strict=False):
        own = [one for one in front if one["index"] == name]
        at = [(x(one["faster"]), y(one["recall_at_10"])) for one in own]
        draw.line(at if len(at) > 1 else at * 2, colour, 1)
        for one, (across, down) in zip(own, at, strict=True):
            radius = 3 + math.sqrt(max(0.0, one["anonymous_mib"])) * 1.2
            draw.ellipse((across - radius, down - radius, across + radius, down + radius), outline=colour, width=3)
        row = names.index(name)
        draw.text((left + 16, bottom - 24 * (len(names) - row)), f"{name}: {own[0]['anonymous_mib']:.0f} MiB", colour, font)


def _draw_bars(draw: ImageDraw.ImageDraw, font: Any, sizes: Sequence[Mapping[str, Any]]) -> None:
    left, top, right, bottom = _BARS
    draw.text((left, 20), "Times faster than exact search, and recall@10", _INK, font)
    groups = []
    for size in sizes:
        shares = [(f"{100 * one['share']:g} %", one) for one in size["filters"]]
        groups.append((size["photos"], [("all", size["query"]), *shares]))
    most = max([10.0, *(one["faster"] for _, bars in groups for _, one in bars)])
    rows = sum(len(bars) + 1 for _, bars in groups)
    step = (bottom - top) / max(1, rows)
    down = float(top)
    for (photos, bars), colour in zip(groups, _COLOURS, strict=False):
        draw.text((left, down + step / 2), f"{photos:,} photos, share that is allowed", _INK, font, anchor="lm")
        down += step
        for name, one in bars:
            end = left + 60 + one["faster"] / most * (right - left - 200)
            draw.text((left + 52, down + step / 2), name, _INK, font, anchor="rm")
            draw.rectangle((left + 60, down + step * 0.15, end, down + step * 0.85), colour)
            draw.text((end + 6, down + step / 2), f"{one['faster']:g} x, {one['recall_at_10']:.3f}", _INK, font, anchor="lm")
            down += step
