"""From whatever a decoder gives to 8-bit sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

__all__ = ["resizable", "to_srgb"]

_WHITE: dict[str, int | tuple[int, int, int]] = {"L": 255, "RGB": (255, 255, 255)}


def resizable(picture: Image.Image) -> Image.Image:
    """Bring a picture into a mode that can be scaled: palettes resolved, transparency a band, 16 bits and floats brought to 8."""
    mode = picture.mode
    if mode.startswith("I;16"):
        return _eight_bit(picture, top=65535.0)
    if mode == "I":
        return _eight_bit(picture, top=65535.0)
    if mode == "F":
        return _eight_bit(picture, top=1.0)
    if mode == "PA" or (mode in {"P", "L", "RGB", "1"} and picture.has_transparency_data):
        return picture.convert("RGBA")
    if mode == "P":
        return picture.convert("RGB")
    if mode == "1":
        return picture.convert("L")
    if mode in {"L", "LA", "RGB", "RGBA", "CMYK", "LAB", "YCbCr"}:
        return picture
    return picture.convert("RGB")


def _eight_bit(picture: Image.Image, *, top: float) -> Image.Image:
    """Scale grey values of more than 8 bits. Pillow would cut them off at 255, which is white.

    Values above ``top``, or 12-bit values stored in 16 bits, show what the real range is.
    """
    values = np.asarray(picture)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if top > 1.0 and low >= 0.0 and high <= top:
        scale = next((limit for limit in (255.0, 1023.0, 4095.0, 16383.0) if high <= limit), top)
        low, high = 0.0, scale
    elif low >= 0.0 and high <= top:
        low, high = 0.0, top
    span = (high - low) or 1.0
    scaled = np.empty(values.shape, dtype=np.uint8)
    for row, line in enumerate(values):  # row by row: a float copy of the whole would be four times the picture
        scaled[row] = np.nan_to_num((line.astype(np.float32) - low) * (255.0 / span)).clip(0, 255)
    return Image.fromarray(scaled, "L")


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Lay a picture on white and turn its colours into sRGB.

    Args:
        picture: Of a mode that ``resizable`` returns, best already small.
        profile: The ICC profile embedded in the file, if any. One that is broken, or of another colour model, is not used.

    Returns:
        A picture of mode RGB.
    """
    if picture.mode in {"RGBA", "LA"}:
        picture = _on_white(picture)
    transform = _transform(profile, picture.mode) if profile else None
    if transform is not None:
        return transform.apply(picture)
    if picture.mode == "LAB":
        return _lab_transform().apply(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    opaque = picture.mode[:-1]
    white = Image.new(opaque, picture.size, _WHITE[opaque])
    white.paste(picture.convert(opaque), mask=picture.getchannel("A"))
    return white


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform from a profile to sRGB; kept, since a camera writes the same profile into every picture."""
    try:
        return ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), mode, "RGB"
        )
    except Exception:  # noqa: BLE001 - a profile is hostile bytes too, and a picture without one is taken for sRGB
        return None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsTransform(lab, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), "LAB", "RGB")
