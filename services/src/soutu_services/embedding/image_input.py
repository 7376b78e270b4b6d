"""Encoded images in, RGB pictures out: the one way into both image towers. Every picture is hostile input."""

from __future__ import annotations

import io
import logging
import threading
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from soutu_services.embedding.encoder import ItemProblem, ItemRefused

__all__ = ["ACCEPTED_MEDIA_TYPES", "ImageLimits", "decode_rgb"]

ACCEPTED_MEDIA_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/tiff",
    "image/avif",
    "image/heic",
    "image/heif",
    "image/jp2",
    "image/mpo",
)
"""Encodings that ``decode_rgb`` reads, as media types."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "JPEG2000")
"""The same in Pillow's words; JPEG opens MPO too. Others (ICO, EPS, PSD …) are no photos, and each decoder is a risk."""

_MAGIC_BYTES = 32

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn a picture upright, by its EXIF orientation (EXIF 2.32, tag 0x0112)."""

_GREY_WHITES = (255, 1023, 4095, 16383, 65535)

_LARGE_PIXELS = 8_000_000
_large = threading.BoundedSemaphore(2)
"""Decodes of large pictures at once: 80 megapixels take 320 MB, and there are as many callers as workers."""

_logger = logging.getLogger(__name__)

Image.init()  # Pillow's own plugins, of which it loads a few only until an unknown file comes
pillow_heif.register_heif_opener(thumbnails=False)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What one encoded image may cost.

    Attributes:
        max_bytes: Largest encoded size in bytes.
        max_pixels: Most pixels, width times height, as the header states them.
    """

    max_bytes: int
    max_pixels: int


def decode_rgb(data: bytes, limits: ImageLimits, *, shorter_side: int) -> Image.Image:
    """Decode the first frame of an encoded image, upright, as RGB.

    Sizes are checked before anything is decoded, and large pictures are decoded two at a time. This is done in the service's own
    process: clients send thumbnails, and whoever can send anything else holds the service's token.

    A JPEG much larger than needed is decoded at a half, a quarter or an eighth of its size, which its encoding allows for nothing
    (``Image.draft``); then each side still has at least ``2 * shorter_side`` pixels.
    Colours are turned into RGB as ``Image.convert("RGB")`` does it, which is what cn_clip does too: alpha is dropped, CMYK and
    palettes are converted. Grey values of more than 8 bits, which it would cut off at 255, are scaled to 8.

    Args:
        data: Encoded image.
        limits: Largest image to take.
        shorter_side: Side in pixels that the caller will reduce the picture to; 0 never reduces while decoding.

    Returns:
        An RGB picture, detached from ``data``.

    Raises:
        ItemRefused: EMPTY, TOO_LARGE, NOT_AN_IMAGE, TOO_MANY_PIXELS or BROKEN_IMAGE.
    """
    if not data:
        raise ItemRefused(ItemProblem.EMPTY, zh="图片是空的（0 字节）。", en="The image is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise ItemRefused(
            ItemProblem.TOO_LARGE,
            zh=f"图片有 {len(data)} 字节，超过上限 {limits.max_bytes} 字节。",
            en=f"The image has {len(data)} bytes; the limit is {limits.max_bytes}.",
        )
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > limits.max_pixels:
                raise _too_many_pixels(limits)
            if shorter_side > 0:
                image.draft("RGB", (2 * shorter_side, 2 * shorter_side))
            with _large if image.width * image.height > _LARGE_PIXELS else nullcontext():
                image.load()
                return _eight_bit(_upright(image)).convert("RGB")
    except ItemRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits) from None
    except UnidentifiedImageError:
        raise _broken() if _has_known_magic(data) else _not_an_image() from None
    except Exception as error:
        _logger.debug("an image cannot be decoded: %r", error)
        raise _broken() from error


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; a broken EXIF block must not cost the picture."""
    try:
        turn = _UPRIGHT.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception as error:  # noqa: BLE001 - as above
        _logger.debug("EXIF cannot be read: %r", error)
        return image
    return image if turn is None else image.transpose(turn)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale grey values of more than 8 bits by the smallest range that holds the largest: cameras store 10 to 14 bits in 16."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    wide = image.convert("I")
    high = int(np.asarray(wide).max())
    top = next((white for white in _GREY_WHITES if high <= white), high)
    return wide.point(lambda value: value * (255 / top)).convert("L")


def _has_known_magic(data: bytes) -> bool:
    """Say whether the bytes begin like an accepted encoding, though they cannot be opened as one."""
    for name in _FORMATS:
        accept = Image.OPEN[name][1]
        if accept is not None and accept(data[:_MAGIC_BYTES]) is True:
            return True
    return False


def _not_an_image() -> ItemRefused:
    return ItemRefused(
        ItemProblem.NOT_AN_IMAGE,
        zh="内容不是图片，或是不支持的图片格式。",
        en="The bytes are not an image, or of an encoding that is not supported.",
    )


def _broken() -> ItemRefused:
    return ItemRefused(
        ItemProblem.BROKEN_IMAGE, zh="图片已损坏或不完整，无法解码。", en="The image is damaged or cut off and cannot be decoded."
    )


def _too_many_pixels(limits: ImageLimits) -> ItemRefused:
    return ItemRefused(
        ItemProblem.TOO_MANY_PIXELS,
        zh=f"图片的像素数超过上限 {limits.max_pixels}。请先缩小再试。",
        en=f"The image has more than {limits.max_pixels} pixels. Make it smaller first.",
    )
