"""How many pixels a file declares, read from its header by hand where Pillow would allocate or decode before it can be asked."""

from __future__ import annotations

import struct

from soutu_services.search.imaging.formats import Format

__all__ = ["declared_pixels"]


def declared_pixels(data: bytes, kind: Format) -> int:
    """Return the pixels that an icon, a GIF or a WebP file declares; 0 for other formats and where none is declared.

    Pillow decodes parts of an icon when it opens it, may fill a GIF's frame, and its WebP decoder allocates the canvas.
    """
    if kind is Format.ICO:
        return max((_icon_entry_pixels(data, index) for index in range(struct.unpack_from("<H", data, 4)[0])), default=0)
    if kind is Format.GIF:
        return _gif_pixels(data)
    if kind is Format.WEBP:
        return _webp_pixels(data)
    return 0


def _icon_entry_pixels(data: bytes, index: int) -> int:
    entry = data[6 + 16 * index : 22 + 16 * index]
    if len(entry) < 16:
        return 0
    (offset,) = struct.unpack_from("<I", entry, 12)
    header = data[offset : offset + 24]
    if len(header) < 24:
        return 0
    if header.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", header, 16)
    elif header.startswith(b"\x0c\x00\x00\x00"):  # BITMAPCOREHEADER
        width, height = struct.unpack_from("<HH", header, 4)
    else:  # BITMAPINFOHEADER: the height counts the mask too, and is negative when the rows run down
        width, height = (abs(side) for side in struct.unpack_from("<ii", header, 4))
        height //= 2
    return int(width * height)


def _gif_pixels(data: bytes) -> int:
    """Find the first frame of a GIF, which may reach beyond the canvas (GIF89a, sections 18 to 20).

    It is looked for exactly as Pillow does, which passes over bytes that are neither frame nor extension, and reads past empty
    extensions: another frame found here than there would be a way around the limit.
    """
    if len(data) < 13:
        return 0
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (packed & 7) + 1 if packed & 0x80 else 0)
    while at < len(data):
        kind = data[at : at + 1]
        at += 1
        if kind == b"!":
            at = _after_gif_extension(data, at)
        elif kind == b"," and len(data) >= at + 8:
            left, top, frame_width, frame_height = struct.unpack_from("<HHHH", data, at)
            return int(max(width, left + frame_width) * max(height, top + frame_height))
        elif kind in (b",", b";"):
            break
    return int(width * height)


def _after_gif_extension(data: bytes, at: int) -> int:
    label, at = data[at : at + 1], at + 1
    block, at = _gif_block(data, at)
    if label == b"\xfe":  # a comment: the one kind of which an empty first block is the last
        while block:
            block, at = _gif_block(data, at)
        return at
    if label == b"\xff" and block.startswith(b"NETSCAPE2.0"):
        block, at = _gif_block(data, at)
    while True:
        block, at = _gif_block(data, at)
        if not block:
            return at


def _gif_block(data: bytes, at: int) -> tuple[bytes, int]:
    """Return a block of an extension, empty if it is the last, and where it ends."""
    size = data[at] if at < len(data) else 0
    return data[at + 1 : at + 1 + size], at + 1 + size


def _webp_pixels(data: bytes) -> int:
    """Read the canvas of a WebP file (RFC 9649, sections 2.4 to 2.7)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0
    if chunk == b"VP8X":
        return (int.from_bytes(body[4:7], "little") + 1) * (int.from_bytes(body[7:10], "little") + 1)
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return int((width & 0x3FFF) * (height & 0x3FFF))
    return 0
