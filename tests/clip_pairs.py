"""Photos of two colours each, and what is said of them: what a model of a few thousand numbers can learn in seconds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from clip_files import write_tables
from soutu_services.tuning.dataset import TextRow

_COLOURS = {
    "红": (220, 30, 30),
    "绿": (30, 160, 40),
    "蓝": (30, 40, 220),
    "黄": (230, 220, 40),
    "白": (245, 245, 245),
    "黑": (15, 15, 15),
    "灰": (128, 128, 128),
    "橙": (255, 140, 0),
    "紫": (150, 40, 170),
    "青": (40, 210, 220),
    "粉": (250, 170, 190),
    "棕": (110, 70, 30),
}
_HELD_OUT = 36


def write_colour_pairs(folder: Path) -> Path:
    """Write the splits ``train``, 108 photos, and ``valid``, 36: no pair of colours is in both."""
    random = np.random.default_rng(5)
    combinations = [(above, below) for above in _COLOURS for below in _COLOURS]
    order = random.permutation(len(combinations)).tolist()
    for split, numbers in (("train", order[_HELD_OUT:]), ("valid", order[:_HELD_OUT])):
        pictures = {number: _picture(*combinations[number], random) for number in numbers}
        texts = [TextRow(number, f"{combinations[number][0]}上{combinations[number][1]}下", (number,)) for number in numbers]
        write_tables(folder, split, pictures, texts)
    return folder


def _picture(above: str, below: str, random: np.random.Generator) -> bytes:
    pixels = random.normal(0, 18, (64, 64, 3))
    pixels[:32] += _COLOURS[above]
    pixels[32:] += _COLOURS[below]
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()
