"""Pictures for tests, made here: every format that soutu reads, and files that are not what they say."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

__all__ = ["FORMATS", "encoded", "giant_jpeg", "gif_bomb", "ico_with", "png_of_size", "scene", "webp_of_size"]


def scene(width: int = 240, height: int = 160, mode: str = "RGB") -> Image.Image:
    """A picture with an upper left that is red, a blue rest and a green bar at the bottom: its way up can be told."""
    picture = Image.new("RGB", (width, height), (40, 60, 200))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width // 3, height // 3), fill=(220, 20, 20))
    draw.rectangle((0, height * 4 // 5, width, height), fill=(20, 180, 40))
    draw.ellipse((width // 2, height // 4, width * 3 // 4, height // 2), fill=(240, 240, 240))
    return picture if mode == "RGB" else picture.convert(mode)


def encoded(encoding: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    """Write a picture in a format that Pillow or pillow_heif writes."""
    picture = scene() if picture is None else picture
    out = BytesIO()
    if encoding == "HEIF":
        pillow_heif.from_pillow(picture).save(out, quality=90, **options)
    else:
        picture.save(out, encoding, **options)
    return out.getvalue()


FORMATS: dict[str, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "ICO": "image/vnd.microsoft.icon",
    "JPEG2000": "image/jp2",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
    "MPO": "image/jpeg",
}
"""What Pillow calls a format, and the media type that soutu gives it."""


def giant_jpeg(width: int, height: int) -> bytes:
    """A JPEG of any size without ever holding it: one row of blocks, repeated between restart markers."""
    row = Image.new("RGB", (width, 8), (40, 60, 200))
    out = BytesIO()
    row.save(out, "JPEG", subsampling=0, quality=50, restart_marker_rows=1)
    data = out.getvalue()
    frame = data.index(b"\xff\xc0")
    scan = data.index(b"\xff\xda")
    start = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    blocks = data[start : data.rindex(b"\xff\xd9")]
    header = data[: frame + 5] + struct.pack(">H", height) + data[frame + 7 : start]
    rows = (height + 7) // 8
    body = b"".join(blocks + bytes((0xFF, 0xD0 + number % 8)) for number in range(rows - 1)) + blocks
    return header + body + b"\xff\xd9"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that declares a size, complete for small ones and cut off for large ones."""
    rows = zlib.compress(b"\0" * min((width + 1) * height, 1_000_000), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def ico_with(inner: bytes) -> bytes:
    """An icon that claims to hold one picture of 16 by 16 pixels, and holds what it is given."""
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def gif_bomb(*, canvas: int, frame: int, disposal: int = 2) -> bytes:
    """A few bytes of GIF whose only frame is as large as is asked for."""
    head = b"GIF89a" + struct.pack("<HHBBB", canvas, canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    control = b"!\xf9\x04" + bytes((disposal << 2, 1, 0, 0)) + b"\0"
    return head + control + b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x4c\x01\x00;"


def webp_of_size(width: int, height: int) -> bytes:
    """A WebP whose extended header declares a canvas."""
    body = (
        b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body += b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
