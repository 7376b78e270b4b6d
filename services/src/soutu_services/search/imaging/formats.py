"""What a file is, by its first bytes alone: a name proves nothing."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePosixPath

__all__ = ["SNIFF_BYTES", "Format", "format_of", "has_unsupported_name", "sniff"]

SNIFF_BYTES = 64
"""How many first bytes ``sniff`` wants to see."""


class Format(Enum):
    """A kind of picture, with its media type. Some are recognised only so that their refusal is exact."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    ICO = "image/vnd.microsoft.icon"
    JPEG2000 = "image/jp2"
    HEIF = "image/heif"
    HEIC = "image/heic"
    AVIF = "image/avif"
    RAW = "image/x-raw"
    JXL = "image/jxl"
    JXR = "image/jxr"
    PSD = "image/vnd.adobe.photoshop"

    @property
    def is_supported(self) -> bool:
        """Whether pictures of this kind are read."""
        return self not in _UNSUPPORTED


_UNSUPPORTED = frozenset({Format.RAW, Format.JXL, Format.JXR, Format.PSD})

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II\x2a\x00\x10\x00\x00\x00CR", Format.RAW),  # Canon CR2, otherwise a TIFF
    (b"IIRO", Format.RAW),  # Olympus ORF
    (b"IIRS", Format.RAW),
    (b"MMOR", Format.RAW),
    (b"IIU\x00", Format.RAW),  # Panasonic RW2
    (b"FUJIFILMCCD-RAW", Format.RAW),
    (b"FOVb", Format.RAW),  # Sigma X3F
    (b"\x00MRM", Format.RAW),  # Minolta MRW
    (b"II\x2a\x00", Format.TIFF),
    (b"MM\x00\x2a", Format.TIFF),
    (b"II\x2b\x00", Format.TIFF),  # BigTIFF
    (b"MM\x00\x2b", Format.TIFF),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Format.JPEG2000),
    (b"\xff\x4f\xff\x51", Format.JPEG2000),  # a bare codestream
    (b"\xff\x0a", Format.JXL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Format.JXL),
    (b"II\xbc\x01", Format.JXR),
    (b"8BPS\x00\x01", Format.PSD),
    (b"8BPS\x00\x02", Format.PSD),
)

_RAW_AND_LIVE = """
    .3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2
    .srf .srw .x3f .livp
"""
_UNSUPPORTED_SUFFIXES = frozenset(_RAW_AND_LIVE.split())
"""Camera raw files, and Live Photos as cloud disks hand them out (a zip of picture and clip)."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})


def format_of(data: bytes) -> Format | None:
    """Recognise a picture by its first ``SNIFF_BYTES`` bytes; None when it is none that soutu knows."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _iso_format(data)
    if data[:2] == b"BM" and len(data) >= 18 and int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return Format.BMP
    if data[:4] == b"\x00\x00\x01\x00" and 0 < int.from_bytes(data[4:6], "little") <= 256 and data[9:10] == b"\x00":
        return Format.ICO
    return None


def _iso_format(data: bytes) -> Format | None:
    """Tell the pictures among the ISO base media files (ISO/IEC 23008-12, annex B) from the films."""
    size = min(int.from_bytes(data[:4], "big"), len(data))
    major = data[8:12]
    brands = {major} | {data[at : at + 4] for at in range(16, size - 3, 4)}
    if major == b"crx ":
        return Format.RAW
    if brands & {b"avif", b"avis"}:
        return Format.AVIF
    if brands & _HEIC_BRANDS:
        return Format.HEIC
    if brands & {b"mif1", b"msf1"}:
        return Format.HEIF
    return None


def has_unsupported_name(name: str) -> bool:
    """Whether a name is that of a camera's raw picture (many are TIFF files inside, with a small preview) or the like."""
    return PurePosixPath(name).suffix.lower() in _UNSUPPORTED_SUFFIXES


def sniff(first_bytes: bytes) -> bool:
    """Whether the first ``SNIFF_BYTES`` bytes of a file are those of a picture."""
    return format_of(first_bytes) is not None
