"""Pictures as a phone takes them, and small ones: made, each with a content of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["PHONE_SIZE", "phone_pictures"]

PHONE_SIZE = (4000, 3000)
_SAMPLES = 24
"""Pictures that differ to the eye; all others are one of these with other bytes after its end."""
_GRAIN = 5


def phone_pictures(folder: Path, count: int, given: Sequence[Path]) -> list[Path]:
    """Write JPEGs of 12 megapixels, with a sensor's grain.

    Args:
        folder: Where to.
        count: How many.
        given: Pictures that are made as large; none: soft patches of colour.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        samples = list(pool.map(lambda number: _sample(number, given), range(min(count, _SAMPLES))))
    return list(_written(folder, count, samples))


def _written(folder: Path, count: int, samples: Sequence[bytes]) -> Iterator[Path]:
    for number in range(count):
        path = folder / f"IMG_{number:06}.jpg"
        path.write_bytes(samples[number % len(samples)] + b"%d" % number)
        yield path


def _sample(number: int, given: Sequence[Path]) -> bytes:
    random = np.random.default_rng(number)
    if given:
        with Image.open(given[number * 7919 % len(given)]) as opened:
            picture = opened.convert("RGB").resize(PHONE_SIZE, Image.Resampling.BICUBIC)
    else:
        patches = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(patches).resize(PHONE_SIZE, Image.Resampling.BICUBIC)
    grain = random.integers(-_GRAIN, _GRAIN + 1, (PHONE_SIZE[1], PHONE_SIZE[0], 1), dtype=np.int16)
    grained = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grained).save(out, "JPEG", quality=88)
    return out.getvalue()
