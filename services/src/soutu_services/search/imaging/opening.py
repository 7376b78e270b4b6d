"""Opening a picture without decoding it, and refusing what is too large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from pillow_heif.as_plugin import HeifImageFile

from soutu_services.search.imaging.declared import declared_pixels
from soutu_services.search.imaging.formats import Format
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.model import UnreadableReason

__all__ = ["DECODED_SIDES", "OpenedPicture", "check_pixels", "open_picture"]

DECODED_SIDES = 2
"""A JPEG is decoded at no less than this many times the side that is wanted."""

_MAX_SCANS = 500
"""Most scans of a progressive JPEG; programs write about ten. Each costs a pass over the whole picture, however small it is."""

_BARE_HEADER_BYTES = 64

# Pillow's limit is one number for the whole process, warns far below ours and knows nothing of reduced decoding: ours replace it.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture that can be decoded by ``picture.load()``.

    Attributes:
        picture: Its first frame; possibly at reduced size.
        width: Of the file as stored, in pixels.
        height: Of the file as stored, in pixels.
        is_animation: Whether the file moves.
    """

    picture: Image.Image
    width: int
    height: int
    is_animation: bool


def _open_icon(stream: BytesIO) -> Image.Image:
    """Open the largest picture of an icon (``IcoImageFile`` would go by the sizes in its table, which need not be true)."""
    return IcoImagePlugin.IcoFile(stream).frame(0)


# The classes themselves, not Image.open: nothing but these is ever tried (no PostScript), and a JPEG that holds further pictures
# behind its first (MPO, Ultra HDR) is opened as the JPEG it is.
_OPENERS: dict[Format, Callable[[BytesIO], Image.Image]] = {
    Format.JPEG: JpegImagePlugin.JpegImageFile,
    Format.PNG: PngImagePlugin.PngImageFile,
    Format.GIF: GifImagePlugin.GifImageFile,
    Format.WEBP: WebPImagePlugin.WebPImageFile,
    Format.TIFF: TiffImagePlugin.TiffImageFile,
    Format.BMP: BmpImagePlugin.BmpImageFile,
    Format.ICO: _open_icon,
    Format.JPEG2000: Jpeg2KImagePlugin.Jpeg2KImageFile,
    Format.HEIF: HeifImageFile,
    Format.HEIC: HeifImageFile,
    Format.AVIF: AvifImagePlugin.AvifImageFile,
}

_ANIMATED_FORMATS = frozenset({Format.PNG, Format.GIF, Format.WEBP, Format.AVIF})


def open_picture(data: bytes, kind: Format, limits: PictureLimits, *, longer_side: int = 512) -> OpenedPicture:
    """Open a picture, check its size and choose how much of it to decode.

    Args:
        data: The whole file.
        kind: What it is.
        limits: Checked here, before anything is decoded.
        longer_side: The least longer side that is wanted, in pixels; a JPEG is decoded to ``DECODED_SIDES`` times of it or more.

    Raises:
        Unreadable: it is larger than the limits.
        Exception: whatever a decoder raises on a damaged file.
    """
    check_pixels(declared_pixels(data, kind), limits.max_pixels)
    picture = _OPENERS[kind](BytesIO(data))
    width, height = picture.size
    if kind is Format.JPEG:
        check_pixels(width * height, _jpeg_limit(picture, data, limits))
        shrink = max(1.0, max(width, height) / (DECODED_SIDES * longer_side))
        picture.draft("", (max(1, int(width / shrink)), max(1, int(height / shrink))))  # type: ignore[no-untyped-call,unused-ignore]
    else:
        check_pixels(width * height, limits.max_pixels)
    return OpenedPicture(picture, width, height, _moves(picture, data, kind))


def check_pixels(pixels: int, limit: int) -> None:
    """Refuse more pixels than the limit.

    Raises:
        Unreadable: they are more.
    """
    if pixels > limit:
        raise Unreadable(UnreadableReason.TOO_MANY_PIXELS, f"{pixels} of {limit}")


def _jpeg_limit(picture: Image.Image, data: bytes, limits: PictureLimits) -> int:
    if "progressive" not in picture.info:
        return limits.max_reduced_pixels
    if data.count(b"\xff\xda") > _MAX_SCANS:
        raise Unreadable(UnreadableReason.UNSUPPORTED, "too many scans")
    return limits.max_reduced_pixels // 2


def _moves(picture: Image.Image, data: bytes, kind: Format) -> bool:
    if kind in _ANIMATED_FORMATS:
        try:
            return bool(getattr(picture, "is_animated", False))
        except Exception:  # noqa: BLE001 - what follows the first frame may be damaged without harm
            return False
    return kind in (Format.HEIC, Format.HEIF) and data[8:12] in (b"hevc", b"hevx", b"msf1") and len(data) > _BARE_HEADER_BYTES
