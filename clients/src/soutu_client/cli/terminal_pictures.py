"""Pictures as terminals take them: sixel (DEC, VT330/VT340 Programmer Reference, chapter 14) and the kitty graphics protocol.

Written here since the packages that do this ask the terminal at import, in ways that not every terminal bears.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator

from PIL import Image

__all__ = ["kitty_bytes", "sixel_bytes"]

_COLOURS = 255
_BAND = 6
_MASKS = [bytes(int(index == colour) for index in range(256)) for colour in range(256)]
_TO_SIXEL = bytes(min(value + 0x3F, 0xFF) for value in range(256))
_RUN = re.compile(rb"(.)\1{3,}", re.DOTALL)
_KITTY_CHUNK = 4096


def sixel_bytes(image: Image.Image) -> bytes:
    """Return an image as a sixel sequence of its own size, in at most 255 colours."""
    paletted = image.convert("RGB").quantize(_COLOURS)
    palette = paletted.getpalette() or []
    pixels = paletted.tobytes()
    used = sorted(set(pixels))
    colours = (f"#{each};2;" + ";".join(f"{round(value / 2.55)}" for value in palette[3 * each : 3 * each + 3]) for each in used)
    head = f'\x1bP0;1;0q"1;1;{image.width};{image.height}' + "".join(colours)
    return head.encode("ascii") + b"-".join(_bands(pixels, image.width)) + b"\x1b\\"


def _bands(pixels: bytes, width: int) -> Iterator[bytes]:
    """Yield each six rows: for each colour in them, one sixel a column, whose bits say which of its pixels have that colour."""
    for top in range(0, len(pixels), _BAND * width):
        band = pixels[top : top + _BAND * width]
        rows = [band[start : start + width] for start in range(0, len(band), width)]
        lines = []
        for colour in sorted(set(band)):
            mask = _MASKS[colour]
            # A byte a column, each row one bit further left: all columns at once, in one long number.
            bits = sum(int.from_bytes(row.translate(mask), "big") << number for number, row in enumerate(rows))
            sixels = bits.to_bytes(width, "big").translate(_TO_SIXEL).rstrip(b"?")
            lines.append(b"#%d" % colour + _RUN.sub(lambda run: b"!%d%c" % (len(run[0]), run[1][0]), sixels))
        yield b"$".join(lines)


def kitty_bytes(image: Image.Image, *, columns: int) -> bytes:
    """Return an image as the kitty protocol has it shown at the cursor, so many columns wide; nothing is to be answered."""
    encoded = io.BytesIO()
    image.save(encoded, "png")
    payload = base64.b64encode(encoded.getvalue())
    parts = [payload[start : start + _KITTY_CHUNK] for start in range(0, len(payload), _KITTY_CHUNK)]
    keys = f"a=T,f=100,q=2,c={columns},"
    sequence = b""
    for number, part in enumerate(parts, 1):
        sequence += f"\x1b_G{keys}m={int(number < len(parts))};".encode("ascii") + part + b"\x1b\\"
        keys = ""
    return sequence
