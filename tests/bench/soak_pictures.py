"""Pictures for the soak: each with a content of its own, small, made fast."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["Pictures", "pictures_in"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".gif", ".tif", ".tiff", ".bmp", ".avif"}
_LONGEST = 1024


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


class Pictures:
    """Makes pictures: cut from those of a folder, or, without one, soft patches of colour. Thread safe.

    Args:
        given: Pictures to cut from; empty: none.
        seed: Of the pictures.
    """

    def __init__(self, given: Sequence[Path], seed: int) -> None:
        self._given = given
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def new(self) -> bytes:
        """Make a JPEG that was not made before."""
        with self._lock:
            seed, of = self._random.getrandbits(64), self._random.choice(self._given) if self._given else None
        generator = np.random.default_rng(seed)
        image = _patches(generator) if of is None else _cut(of, generator)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=80, comment=f"{seed:016x}")
        return out.getvalue()


def _patches(generator: np.random.Generator) -> Image.Image:
    small = generator.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)


def _cut(path: Path, generator: np.random.Generator) -> Image.Image:
    with Image.open(path) as opened:
        opened.draft("RGB", (_LONGEST, _LONGEST))
        image = opened.convert("RGB")
    image.thumbnail((_LONGEST, _LONGEST))
    left, top = (int(generator.integers(0, max(1, side // 8))) for side in image.size)
    return image.crop((left, top, image.width, image.height))
