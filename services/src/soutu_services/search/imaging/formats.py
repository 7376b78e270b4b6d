"""What a file is, by its first bytes: a name proves nothing. Camera raw files alone need theirs: many are TIFF files inside."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePosixPath

__all__ = ["SNIFF_BYTES", "Format", "format_of", "has_raw_name", "has_unsupported_name", "sniff"]

SNIFF_BYTES = 512
"""How many first bytes ``sniff`` wants to see."""


class Format(Enum):
    """A kind of picture or video, with its media type. Some are recognised only so that their refusal is exact."""

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
    MP4 = "video/mp4"
    QUICKTIME = "video/quicktime"
    MATROSKA = "video/x-matroska"
    WEBM = "video/webm"
    AVI = "video/x-msvideo"
    TRANSPORT_STREAM = "video/mp2t"
    PROGRAM_STREAM = "video/mpeg"
    ASF = "video/x-ms-asf"
    FLASH = "video/x-flv"

    @property
    def is_film(self) -> bool:
        """Whether it is a video, or sound alone in a container of videos."""
        return self.value.startswith("video/")

    @property
    def is_supported(self) -> bool:
        """Whether pictures of this kind are read."""
        return self not in _UNSUPPORTED


_UNSUPPORTED = frozenset({Format.JXL, Format.JXR, Format.PSD})

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
    (b"\x00\x00\x01\xba", Format.PROGRAM_STREAM),
    (b"FLV\x01", Format.FLASH),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Format.ASF),
)

_RAW = """
    .3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2
    .srf .srw .x3f
"""
_RAW_SUFFIXES = frozenset(_RAW.split())
_UNSUPPORTED_SUFFIXES = frozenset({".livp"})
"""Live Photos as cloud disks hand them out: a zip of picture and clip."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""What a QuickTime file from before there was ``ftyp`` begins with."""
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_SYNC = b"G"
"""What each packet of a transport stream begins with (ISO/IEC 13818-1), after four bytes of time in a camera's ``.mts``."""
_PACKETS = ((0, 188), (4, 192))
"""Where the first packet begins, and how far it is to the next."""


def format_of(data: bytes) -> Format | None:
    """Recognise a picture or a video by its first ``SNIFF_BYTES`` bytes; None when it is none that soutu knows."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return Format.AVI
    if data[4:8] == b"ftyp":
        return _iso_format(data)
    if data[4:8] in _QUICKTIME_ATOMS:
        return Format.QUICKTIME
    if data[:4] == b"\x1a\x45\xdf\xa3":  # EBML (RFC 8794), whose document type is among its first elements
        return Format.WEBM if b"webm" in data[:SNIFF_BYTES] else Format.MATROSKA
    if any(data[at : at + 2 * stride + 1 : stride] == 3 * _SYNC for at, stride in _PACKETS):
        return Format.TRANSPORT_STREAM
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
    if major in _SOUND_BRANDS:
        return None
    return Format.QUICKTIME if major == b"qt  " else Format.MP4


def has_raw_name(name: str) -> bool:
    """Whether a name is that of a camera's raw picture: many of these are TIFF files inside, with a small preview."""
    return PurePosixPath(name).suffix.lower() in _RAW_SUFFIXES


def has_unsupported_name(name: str) -> bool:
    """Whether a name is that of a picture which is not read, whatever it holds."""
    return PurePosixPath(name).suffix.lower() in _UNSUPPORTED_SUFFIXES


def sniff(first_bytes: bytes) -> bool:
    """Whether the first ``SNIFF_BYTES`` bytes of a file are those of a picture or a video."""
    return format_of(first_bytes) is not None
