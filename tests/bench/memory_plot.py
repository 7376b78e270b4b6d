"""Draws memory over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.process_memory import GROUPS, Sample

__all__ = ["plot_memory"]

_WIDTH, _HEIGHT = 1200, 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 170, 50, 60
_COLOURS = {"search": (31, 119, 180), "decoders": (255, 127, 14), "embedding": (44, 160, 44), "store": (148, 103, 189)}
_INK, _GRID = (40, 40, 40), (220, 220, 220)


def plot_memory(samples: Sequence[Sample], marks: Sequence[tuple[float, str]], path: Path) -> None:
    """Draw the groups' resident memory (``Sample.mib``) over minutes into a PNG.

    Args:
        samples: In the order of time, at least one.
        marks: Moments, on the clock of the samples, with what began then.
        path: The file.
    """
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(15)
    first, last = samples[0].seconds, max(samples[-1].seconds, samples[0].seconds + 1)
    most = _round_up(max(max(sample.mib.values()) for sample in samples))

    def x(seconds: float) -> float:
        return _LEFT + (seconds - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(mib: float) -> float:
        return _HEIGHT - _BOTTOM - mib / most * (_HEIGHT - _TOP - _BOTTOM)

    for step in range(6):
        mib, seconds = most * step / 5, first + (last - first) * step / 5
        draw.line((_LEFT, y(mib), _WIDTH - _RIGHT, y(mib)), _GRID)
        draw.text((_LEFT - 8, y(mib)), f"{mib:.0f} MiB", _INK, font, anchor="rm")
        draw.text((x(seconds), _HEIGHT - _BOTTOM + 8), f"{(seconds - first) / 60:.1f} min", _INK, font, anchor="mt")
    for seconds, what in marks:
        draw.line((x(seconds), _TOP, x(seconds), _HEIGHT - _BOTTOM), _INK)
        draw.text((x(seconds) + 4, _TOP - 4), what, _INK, font, anchor="ls")
    for at, group in enumerate(GROUPS):
        points = [(x(sample.seconds), y(sample.mib[group])) for sample in samples]
        draw.line(points if len(points) > 1 else points * 2, _COLOURS[group], 2)
        draw.text((_WIDTH - _RIGHT + 12, _TOP + 24 * at), f"{group} {samples[-1].mib[group]:.0f} MiB", _COLOURS[group], font)
    image.save(path)


def _round_up(mib: float) -> float:
    step = 50.0
    while mib > 10 * step:
        step *= 2
    return (mib // step + 1) * step
