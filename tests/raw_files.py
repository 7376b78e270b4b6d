"""Camera raw files for tests, made here: DNG files (Adobe's specification 1.4) with a colour filter array, which LibRaw reads."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from PIL import Image

from picture_files import scene

__all__ = ["dng"]

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SIGNED_RATIONAL = 1, 2, 3, 4, 5, 10
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _SIGNED_RATIONAL: 8}
_IDENTITY = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
_Entries = dict[int, tuple[int, object]]


def dng(
    picture: Image.Image | None = None,
    *,
    preview: tuple[int, int] | None = None,
    orientation: int = 1,
    taken: str = "",
    maker: str = "Fujifilm",
    model: str = "X-T5",
    declared: tuple[int, int] | None = None,
) -> bytes:
    """Write a picture as a raw file, uncompressed, with 16 bits and a Bayer pattern (red, green, green, blue).

    Args:
        picture: What it shows; both sides are made even.
        preview: Size of a JPEG that is embedded too; None: there is none.
        orientation: Exif orientation of the whole.
        taken: DateTimeOriginal, "2024:05:01 12:30:00"; empty: it does not say.
        maker: Make.
        model: Model.
        declared: Size that the raw part claims to have; None: its own.
    """
    picture = (scene(640, 480) if picture is None else picture).convert("RGB")
    width, height = (side & ~1 for side in picture.size)
    pixels = np.asarray(picture.crop((0, 0, width, height)), np.float64) / 255
    linear = (pixels**2.2 * 60000).astype("<u2")
    mosaic = linear[:, :, 1].copy()
    mosaic[0::2, 0::2] = linear[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = linear[1::2, 1::2, 2]
    file = _TiffFile()
    strip = file.add(mosaic.tobytes())
    claimed_width, claimed_height = declared or (width, height)
    raw: _Entries = {
        254: (_LONG, [0]),
        256: (_LONG, [claimed_width]),
        257: (_LONG, [claimed_height]),
        258: (_SHORT, [16]),
        259: (_SHORT, [1]),
        262: (_SHORT, [32803]),  # a colour filter array
        273: (_LONG, [strip]),
        277: (_SHORT, [1]),
        278: (_LONG, [claimed_height]),
        279: (_LONG, [mosaic.nbytes]),
        284: (_SHORT, [1]),
        33421: (_SHORT, [2, 2]),
        33422: (_BYTE, bytes((0, 1, 1, 2))),
        50714: (_SHORT, [0]),
        50717: (_LONG, [60000]),
    }
    main: _Entries = {
        271: (_ASCII, maker.encode() + b"\0"),
        272: (_ASCII, model.encode() + b"\0"),
        274: (_SHORT, [orientation]),
        50706: (_BYTE, bytes((1, 4, 0, 0))),
        50707: (_BYTE, bytes((1, 1, 0, 0))),
        50708: (_ASCII, f"{maker} {model}".encode() + b"\0"),
        50721: (_SIGNED_RATIONAL, _IDENTITY),
        50728: (_RATIONAL, [1, 1, 1, 1, 1, 1]),
        50778: (_SHORT, [21]),
    }
    if taken:
        main[34665] = (_LONG, [file.add_folder({36867: (_ASCII, taken.encode() + b"\0")})])
    if preview is None:
        main |= {tag: value for tag, value in raw.items() if tag not in main}
    else:
        out = BytesIO()
        picture.resize(preview).save(out, "JPEG", quality=90)
        main |= {
            254: (_LONG, [1]),
            256: (_LONG, [preview[0]]),
            257: (_LONG, [preview[1]]),
            258: (_SHORT, [8, 8, 8]),
            259: (_SHORT, [7]),
            262: (_SHORT, [6]),
            273: (_LONG, [file.add(out.getvalue())]),
            277: (_SHORT, [3]),
            278: (_LONG, [preview[1]]),
            279: (_LONG, [len(out.getvalue())]),
            284: (_SHORT, [1]),
            330: (_LONG, [file.add_folder(raw)]),
        }
    return file.written(main)


class _TiffFile:
    """A little-endian TIFF file, written from its parts."""

    def __init__(self) -> None:
        self._body = bytearray(b"II\x2a\0\0\0\0\0")

    def add(self, data: bytes) -> int:
        self._body += b"\0" * (len(self._body) % 2)
        at = len(self._body)
        self._body += data
        return at

    def add_folder(self, entries: _Entries) -> int:
        rows = []
        for tag, (kind, value) in sorted(entries.items()):
            data = _packed(kind, value)
            count = len(data) // _SIZES[kind]
            field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", self.add(data))
            rows.append(struct.pack("<HHI", tag, kind, count) + field)
        return self.add(struct.pack("<H", len(rows)) + b"".join(rows) + b"\0\0\0\0")

    def written(self, entries: _Entries) -> bytes:
        struct.pack_into("<I", self._body, 4, self.add_folder(entries))
        return bytes(self._body)


def _packed(kind: int, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    assert isinstance(value, list)
    letter = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _SIGNED_RATIONAL: "i"}[kind]
    return struct.pack(f"<{len(value)}{letter}", *value)
