"""A 64-bit hash that stays nearly the same when a picture is scaled, recompressed or slightly changed."""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["perceptual_hash"]

_SIDE = 32
_BITS_A_SIDE = 8


_COSINES = np.cos(np.pi / _SIDE * np.outer(np.arange(1, _BITS_A_SIDE + 1), np.arange(_SIDE) + 0.5))
"""Rows 1 to 8 of the type II discrete cosine transform of 32 values: shape (8, 32)."""


def perceptual_hash(picture: Image.Image) -> int:
    """Return the DCT hash of a picture (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, 3.2.1).

    The picture is reduced to 32 x 32 grey values; each bit says whether one of the 8 x 8 lowest frequencies, the constant ones
    left out, is above their median. Count the different bits of two hashes to compare them: about 10 of 64 or fewer for versions
    of one picture. A picture of one colour hashes to 0.

    Args:
        picture: Any size, mode RGB or L, upright.

    Returns:
        An unsigned 64-bit number, the lowest frequencies in its highest bits.
    """
    grey = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L")
    values = np.asarray(grey, dtype=np.float64)
    # Rounded, so that the noise of the arithmetic decides no bit of a flat picture.
    low = np.round(_COSINES @ values @ _COSINES.T, 3)
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
