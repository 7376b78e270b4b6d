"""One picture read once: thumbnail, hash and facts from a single decode."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from PIL import Image

from soutu_services.search.imaging.colour import resizable, to_srgb
from soutu_services.search.imaging.exif import CameraFacts, camera_facts
from soutu_services.search.imaging.formats import SNIFF_BYTES, Format, format_of, has_unsupported_name
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.name_time import local_time, time_in_name
from soutu_services.search.imaging.opening import DECODED_SIDES, open_picture
from soutu_services.search.imaging.perceptual_hash import perceptual_hash
from soutu_services.search.model import Location, PhotoKind, Taken, TakenOrigin, UnreadableReason

__all__ = ["LARGE_SIDE", "THUMBNAIL_SIDE", "Reading", "read_picture"]

THUMBNAIL_SIDE = 512
"""Longer side of a thumbnail, in pixels. Smaller pictures are not enlarged."""

LARGE_SIDE = 2048
"""Longer side of a large thumbnail, in pixels: what a screen shows."""

_THUMBNAIL_QUALITY = 85

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of each Exif orientation upright."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a picture after it was read.

    Attributes:
        media_type: By content, whatever the name says.
        width: In pixels, orientation applied.
        height: In pixels, orientation applied.
        kind: Whether the file moves. Animations, and pictures of several frames, are read by their first.
        taken: When it was taken, from Exif, else its name, else its modification time.
        camera: Maker and model, empty when not said.
        location: Where it was taken, if the picture says so.
        phash: 64-bit perceptual hash; see ``perceptual_hash``.
        thumbnail: JPEG, longer side at most ``THUMBNAIL_SIDE`` pixels or as was asked, sRGB, upright, on white.
    """

    media_type: str
    width: int
    height: int
    kind: PhotoKind
    taken: Taken | None
    camera: str
    location: Location | None
    phash: int
    thumbnail: bytes


def read_picture(
    data: bytes,
    limits: PictureLimits,
    *,
    name: str = "",
    modified_at: datetime | None = None,
    longer_side: int = THUMBNAIL_SIDE,
) -> Reading:
    """Decode a picture once, and take from it everything the catalog keeps. May be called from several threads at once.

    Args:
        data: The whole file.
        limits: Checked before anything is decoded.
        name: Key of the object, for the taken time and to know a camera's raw file.
        modified_at: When the object was last modified, with its time zone; the taken time where nothing better is known.
        longer_side: Of the thumbnail, in pixels, at most.

    Raises:
        Unreadable: the file is not a picture that can be read; nothing else is ever raised because of its content alone.
        MemoryError: there is too little memory now.
    """
    kind = _format(data, limits, name)
    try:
        return _read(data, kind, limits, name=name, modified_at=modified_at, longer_side=longer_side)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        # Decoders raise anything on hostile bytes: OSError, SyntaxError, ValueError, struct.error, OverflowError, RuntimeError…
        raise Unreadable(_reason(error), f"{type(error).__name__}: {error}") from error


def _format(data: bytes, limits: PictureLimits, name: str) -> Format:
    if not data:
        raise Unreadable(UnreadableReason.EMPTY)
    if len(data) > limits.max_bytes:
        raise Unreadable(UnreadableReason.TOO_LARGE, f"{len(data)} bytes")
    kind = format_of(data[:SNIFF_BYTES])
    if kind in (None, Format.TIFF) and has_unsupported_name(name):
        raise Unreadable(UnreadableReason.UNSUPPORTED)
    if kind is None:
        # Zeros are what an interrupted copy or a failing disk leaves of a picture.
        raise Unreadable(UnreadableReason.NOT_AN_IMAGE if data[:SNIFF_BYTES].strip(b"\0") else UnreadableReason.BROKEN)
    if not kind.is_supported:
        raise Unreadable(UnreadableReason.UNSUPPORTED, kind.name)
    return kind


def _reason(error: Exception) -> UnreadableReason:
    said = str(error).lower()
    if isinstance(error, NotImplementedError) or any(word in said for word in ("unsupported", "not supported", "cannot handle")):
        return UnreadableReason.UNSUPPORTED
    return UnreadableReason.BROKEN


def _read(
    data: bytes, kind: Format, limits: PictureLimits, *, name: str, modified_at: datetime | None, longer_side: int
) -> Reading:
    opened = open_picture(data, kind, limits, longer_side=longer_side)
    picture = opened.picture
    width, height = opened.width, opened.height
    picture.load()
    facts = camera_facts(picture)
    small = _upright(to_srgb(_reduced(resizable(picture), longer_side), picture.info.get("icc_profile")), facts)
    if facts.orientation >= 5:
        width, height = height, width
    return Reading(
        media_type=kind.value,
        width=width,
        height=height,
        kind=PhotoKind.ANIMATION if opened.is_animation else PhotoKind.STILL,
        taken=_taken(facts, name, modified_at),
        camera=facts.camera,
        location=facts.location,
        phash=perceptual_hash(small),
        thumbnail=_jpeg(small),
    )


def _reduced(picture: Image.Image, longer_side: int) -> Image.Image:
    longer = max(picture.size)
    if longer <= longer_side:
        return picture
    width, height = (max(1, round(side * longer_side / longer)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=float(DECODED_SIDES))


def _upright(picture: Image.Image, facts: CameraFacts) -> Image.Image:
    turn = _UPRIGHT.get(facts.orientation)
    return picture if turn is None else picture.transpose(turn)


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=_THUMBNAIL_QUALITY)
    return out.getvalue()


def _taken(facts: CameraFacts, name: str, modified_at: datetime | None) -> Taken | None:
    if facts.taken is not None:
        return facts.taken
    named = time_in_name(name)
    if named is not None:
        return Taken(named, None, TakenOrigin.NAME)
    if modified_at is not None:
        return Taken(local_time(modified_at), None, TakenOrigin.MODIFIED)
    return None
