"""The eight ways a picture may lie (Exif 2.32, orientation)."""

from __future__ import annotations

from PIL import Image

__all__ = ["UPRIGHT", "is_on_its_side", "upright"]

UPRIGHT = 1
"""The orientation of a picture that is to be shown as it is stored."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture of an orientation, 1 to 8, the right way up."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def is_on_its_side(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5
