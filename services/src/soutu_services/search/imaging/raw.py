"""Camera raw files: the only module that knows LibRaw.

Nearly every camera puts a JPEG beside what its sensor saw, large enough for a thumbnail and made by who knows the sensor; where
there is none, the sensor's picture is developed at half its size.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import rawpy
from PIL import Image

from soutu_services.search.imaging.exif import CameraFacts, camera_facts, facts_of, tags_of
from soutu_services.search.imaging.formats import Format, has_raw_name
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.opening import check_pixels, open_picture
from soutu_services.search.imaging.orientation import UPRIGHT, is_on_its_side, upright
from soutu_services.search.model import Taken, TakenOrigin, UnreadableReason

__all__ = ["DevelopedPicture", "develop", "is_raw"]

_FLIPS = {0: UPRIGHT, 3: 3, 5: 8, 6: 6}
"""LibRaw's words for the four ways a camera is held, as Exif's orientations."""
_TIFF_HEADERS = {b"II": b"II\x2a\x00", b"MM": b"MM\x00\x2a"}
_DNG_VERSION_TAG = 50706
_CANON_BYTES = 1 << 16
"""How far into a CR3 file its Exif begins, at most."""
_CANON_BOXES = (b"CMT1", b"CMT2", b"CMT4")
"""Boxes of a CR3 file that each hold a TIFF file: the camera, the shot and the place."""


@dataclass(frozen=True, slots=True)
class DevelopedPicture:
    """A raw file as a picture.

    Attributes:
        picture: Upright, possibly smaller than the whole.
        width: Of the whole, upright, in pixels.
        height: Of the whole, upright, in pixels.
        facts: What the camera wrote into it.
    """

    picture: Image.Image
    width: int
    height: int
    facts: CameraFacts


def is_raw(data: bytes, kind: Format | None, name: str) -> bool:
    """Whether a file is a camera's raw file: by its first bytes, or a TIFF file that says so, or by its name alone."""
    if kind is Format.TIFF:
        return has_raw_name(name) or _DNG_VERSION_TAG in _tags(data)[0]
    return kind is Format.RAW or (kind is None and has_raw_name(name))


def develop(data: bytes, limits: PictureLimits, *, longer_side: int) -> DevelopedPicture:
    """Read a camera's raw file.

    Args:
        data: The whole file.
        limits: Checked before the sensor's picture is unpacked.
        longer_side: The least longer side that is wanted, in pixels, where the whole has as much.

    Raises:
        Unreadable: it is larger than the limits, damaged, or of a camera that LibRaw does not know.
        MemoryError: there is too little memory now.
    """
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            return _developed(raw, data, limits, longer_side)
    except rawpy.LibRawUnsufficientMemoryError as error:
        raise MemoryError from error
    except rawpy.LibRawTooBigError as error:
        raise Unreadable(UnreadableReason.TOO_MANY_PIXELS, "too big for LibRaw") from error
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError, rawpy.NotSupportedError) as error:
        reason = UnreadableReason.BROKEN if _is_cut_off(data) else UnreadableReason.UNSUPPORTED
        raise Unreadable(reason, f"LibRaw: {error}") from error


def _developed(raw: rawpy.RawPy, data: bytes, limits: PictureLimits, longer_side: int) -> DevelopedPicture:
    sizes = raw.sizes
    check_pixels(max(sizes.raw_width * sizes.raw_height, sizes.width * sizes.height), limits.max_pixels)
    orientation = _FLIPS.get(sizes.flip, UPRIGHT)
    preview, preview_facts = _preview(raw, limits, longer_side)
    if preview is None or max(preview.size) < min(longer_side, sizes.width, sizes.height):
        preview = _demosaiced(raw)
    is_landscape = sizes.width >= sizes.height
    if (preview.width >= preview.height) == is_landscape or not is_on_its_side(orientation):  # else it was turned already
        preview = upright(preview, orientation)
    width, height = (sizes.height, sizes.width) if is_on_its_side(orientation) else (sizes.width, sizes.height)
    return DevelopedPicture(preview, width, height, _facts(raw, data, preview_facts))


def _preview(raw: rawpy.RawPy, limits: PictureLimits, longer_side: int) -> tuple[Image.Image | None, CameraFacts]:
    """Open the picture that the camera made, if there is one that can be read."""
    try:
        found = raw.extract_thumb()
    except rawpy.LibRawUnsufficientMemoryError:
        raise
    except rawpy.LibRawError:
        return None, CameraFacts()
    if found.format is not rawpy.ThumbFormat.JPEG:
        return Image.fromarray(np.asarray(found.data)), CameraFacts()
    try:
        picture = open_picture(bytes(found.data), Format.JPEG, limits, longer_side=longer_side).picture
        picture.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - hostile bytes raise anything; the sensor's picture may be whole
        return None, CameraFacts()
    return picture.convert("RGB"), camera_facts(picture)


def _demosaiced(raw: rawpy.RawPy) -> Image.Image:
    return Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True, user_flip=0, output_bps=8))


def _facts(raw: rawpy.RawPy, data: bytes, of_preview: CameraFacts) -> CameraFacts:
    """Gather the facts: what the file says, else what its preview says, else the time that LibRaw knows."""
    own = facts_of(*_tags(data))
    taken = own.taken or of_preview.taken
    if taken is None and raw.other.timestamp.year > 1970:
        taken = Taken(raw.other.timestamp.replace(microsecond=0, tzinfo=None), None, TakenOrigin.EXIF)
    return CameraFacts(taken=taken, camera=own.camera or of_preview.camera, location=own.location or of_preview.location)


def _tags(data: bytes) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """Read the Exif tags of a file that is a TIFF file inside, or has some; some makers give the header a number of their own."""
    if data[4:12] == b"ftypcrx ":
        return _canon_tags(data[:_CANON_BYTES])
    header = _TIFF_HEADERS.get(data[:2])
    if header is None:
        return {}, {}
    return tags_of(lambda: _exif(data if data.startswith(header) else header + data[4:]))


def _canon_tags(head: bytes) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    boxes = []
    for name in _CANON_BOXES:
        at = head.find(name)
        size = int.from_bytes(head[max(0, at - 4) : at], "big") if at >= 4 else 0
        body = head[at + 4 : at - 4 + size]
        boxes.append(tags_of(partial(_exif, body))[0] if size > 8 else {})
    camera, shot, gps = boxes
    return {**camera, **shot}, gps


def _exif(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(data)
    return exif


def _is_cut_off(data: bytes) -> bool:
    """Whether a TIFF file's first folder lies beyond its end."""
    if data[:4] not in _TIFF_HEADERS.values():
        return False
    (at,) = struct.unpack_from("<I" if data[:2] == b"II" else ">I", data.ljust(8, b"\xff"), 4)
    return bool(at + 2 > len(data))
