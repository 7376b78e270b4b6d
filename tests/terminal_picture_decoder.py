"""Pictures back out of what a terminal was sent, as the terminals themselves read it."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

__all__ = ["kitty_pictures", "sixel_pictures"]

_SIXEL = re.compile(rb"\x1bP[0-9;]*q(.*?)\x1b\\", re.DOTALL)
_PART = re.compile(rb'"([0-9;]+)|#([0-9]+)(?:;2;([0-9]+);([0-9]+);([0-9]+))?|!([0-9]+)(.)|([?-~])|([$-])')
_KITTY = re.compile(rb"\x1b_G([^;]*);(.*?)\x1b\\", re.DOTALL)


def sixel_pictures(shown: bytes) -> list[Image.Image]:
    """Return each sixel sequence as a picture; a pixel that was never set fails."""
    return [_sixel_picture(body) for body in _SIXEL.findall(shown)]


def _sixel_picture(body: bytes) -> Image.Image:
    palette: dict[int, tuple[int, int, int]] = {}
    pixels: dict[tuple[int, int], tuple[int, int, int]] = {}
    size = (0, 0)
    left = top = 0
    colour = (0, 0, 0)
    end = 0
    for part in _PART.finditer(body):
        assert part.start() == end, f"no sixel: {body[end : part.start()]!r}"
        end = part.end()
        if part[1]:
            _, _, width, height = map(int, part[1].split(b";"))
            size = width, height
        elif part[2]:
            if part[3]:
                red, green, blue = (round(int(value) * 2.55) for value in part.group(3, 4, 5))
                palette[int(part[2])] = red, green, blue
            colour = palette[int(part[2])]
        elif part[9]:
            left = 0
            top += 6 if part[9] == b"-" else 0
        else:
            bits = ord(part[7] or part[8]) - 0x3F
            after = left + int(part[6] or 1)
            rows = [top + row for row in range(6) if bits >> row & 1]
            pixels.update(dict.fromkeys(((x, y) for x in range(left, after) for y in rows), colour))
            left = after
    assert end == len(body)
    picture = Image.new("RGB", size)
    picture.putdata([pixels[x, y] for y in range(size[1]) for x in range(size[0])])
    return picture


def kitty_pictures(shown: bytes) -> list[tuple[Image.Image, dict[str, str]]]:
    """Return each picture of kitty's protocol with the keys that it came with."""
    pictures = []
    payload, first = b"", {}
    for keys, part in _KITTY.findall(shown):
        values = dict(key.split("=") for key in keys.decode().split(",") if key)
        if values.get("a") == "q":
            continue
        first = first or values
        payload += part
        if values.get("m", "0") == "0":
            pictures.append((Image.open(io.BytesIO(base64.b64decode(payload))).convert("RGB"), first))
            payload, first = b"", {}
    return pictures
