"""One picture or video read once: thumbnail, hash and facts from a single decode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO, RawIOBase
from typing import BinaryIO

from PIL import Image

from soutu_services.search.imaging.colour import resizable, to_srgb
from soutu_services.search.imaging.exif import camera_facts
from soutu_services.search.imaging.film import see_film
from soutu_services.search.imaging.film_frames import chosen_frames, poster_of
from soutu_services.search.imaging.formats import SNIFF_BYTES, Format, format_of, has_unsupported_name
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.name_time import local_time, time_in_name
from soutu_services.search.imaging.opening import DECODED_SIDES, open_picture
from soutu_services.search.imaging.orientation import is_on_its_side, upright
from soutu_services.search.imaging.perceptual_hash import perceptual_hash
from soutu_services.search.imaging.raw import DevelopedPicture, develop, is_raw
from soutu_services.search.model import Location, PhotoKind, Taken, TakenOrigin, UnreadableReason

__all__ = ["LARGE_SIDE", "THUMBNAIL_SIDE", "FilmFrame", "Reading", "read_film", "read_picture"]

THUMBNAIL_SIDE = 512
"""Longer side of a thumbnail, in pixels. Smaller pictures are not enlarged."""

LARGE_SIDE = 2048
"""Longer side of a large thumbnail, in pixels: what a screen shows."""

_THUMBNAIL_QUALITY = 85


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """A frame that stands for a video: its time in milliseconds from the beginning, and a JPEG like the thumbnail."""

    time_ms: int
    image: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a picture or a video after it was read.

    Attributes:
        media_type: By content, whatever the name says.
        width: In pixels, orientation applied.
        height: In pixels, orientation applied.
        kind: Whether the file moves. Animations, and pictures of several frames, are read by their first.
        taken: When it was taken, from Exif, else its name, else its modification time.
        camera: Maker and model, empty when not said.
        location: Where it was taken, if the picture says so.
        phash: 64-bit perceptual hash; see ``perceptual_hash``.
        thumbnail: JPEG, longer side at most ``THUMBNAIL_SIDE`` pixels or as was asked, sRGB, upright, on white. Of a video, the
            frame with most to see in it.
        duration_ms: Length of a video in milliseconds; 0 where it does not say. None for pictures.
        codec: Of a video's pictures.
        frames: Those that stand for a video, in the order of time; none for pictures.
        poster_ms: Time of the frame that is the thumbnail.
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
    duration_ms: int | None = None
    codec: str = ""
    frames: tuple[FilmFrame, ...] = ()
    poster_ms: int = 0


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
    if kind.is_film:
        return read_film(BytesIO(data), limits, name=name, modified_at=modified_at, longer_side=longer_side)
    with _judged():
        return _read(data, kind, limits, name=name, modified_at=modified_at, longer_side=longer_side)


def read_film(
    file: BinaryIO | RawIOBase,
    limits: PictureLimits,
    *,
    name: str = "",
    modified_at: datetime | None = None,
    longer_side: int = THUMBNAIL_SIDE,
    at_ms: int | None = None,
) -> Reading:
    """Look at a video here and there, and take from it everything the catalog keeps.

    Args:
        file: The file, from its beginning; it is read wherever it is needed.
        limits: Checked before a frame is decoded.
        name: Key of the object, for the taken time.
        modified_at: When the object was last modified, with its time zone; the taken time where nothing better is known.
        longer_side: Of the thumbnail, in pixels, at most.
        at_ms: Look at this time alone; None: all over it.

    Raises:
        Unreadable: the file is not a video that can be read; nothing else is ever raised because of its content alone.
        MemoryError: there is too little memory now.
    """
    with _judged():
        head = file.read(SNIFF_BYTES)
        kind = format_of(head)
        if kind is None or not kind.is_film:
            raise Unreadable(UnreadableReason.NOT_AN_IMAGE if head.strip(b"\0") else UnreadableReason.BROKEN)
        file.seek(0)
        film = see_film(file, kind, limits, name=name, longer_side=longer_side, at_ms=at_ms)
        frames = chosen_frames(film.frames)
        poster = poster_of(frames)
        return Reading(
            media_type=kind.value,
            width=film.width,
            height=film.height,
            kind=PhotoKind.VIDEO,
            taken=taken_of(film.facts.taken, name, modified_at),
            camera=film.facts.camera,
            location=film.facts.location,
            phash=perceptual_hash(poster.picture),
            thumbnail=jpeg(poster.picture),
            duration_ms=film.duration_ms,
            codec=film.codec,
            frames=tuple(FilmFrame(frame.time_ms, jpeg(frame.picture)) for frame in frames),
            poster_ms=poster.time_ms,
        )


@contextmanager
def _judged() -> Iterator[None]:
    """Turn what decoders raise on hostile bytes into a reason: OSError, SyntaxError, ValueError, RuntimeError and more."""
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise Unreadable(_reason(error), f"{type(error).__name__}: {error}") from error


def _format(data: bytes, limits: PictureLimits, name: str) -> Format:
    if not data:
        raise Unreadable(UnreadableReason.EMPTY)
    if len(data) > limits.max_bytes:
        raise Unreadable(UnreadableReason.TOO_LARGE, f"{len(data)} bytes")
    kind = format_of(data[:SNIFF_BYTES])
    if is_raw(data, kind, name):
        return Format.RAW
    if kind is None and has_unsupported_name(name):
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
    is_animation = False
    if kind is Format.RAW:
        whole = develop(data, limits, longer_side=longer_side)
        small = to_srgb(_reduced(resizable(whole.picture), longer_side), None)
    else:
        whole, small, is_animation = _decoded(data, kind, limits, longer_side)
    return Reading(
        media_type=kind.value,
        width=whole.width,
        height=whole.height,
        kind=PhotoKind.ANIMATION if is_animation else PhotoKind.STILL,
        taken=taken_of(whole.facts.taken, name, modified_at),
        camera=whole.facts.camera,
        location=whole.facts.location,
        phash=perceptual_hash(small),
        thumbnail=jpeg(small),
    )


def _decoded(data: bytes, kind: Format, limits: PictureLimits, longer_side: int) -> tuple[DevelopedPicture, Image.Image, bool]:
    """Decode a picture that Pillow reads: the whole, the small one, and whether it moves."""
    opened = open_picture(data, kind, limits, longer_side=longer_side)
    picture = opened.picture
    width, height = opened.width, opened.height
    picture.load()
    facts = camera_facts(picture)
    small = to_srgb(_reduced(resizable(picture), longer_side), picture.info.get("icc_profile"))
    if is_on_its_side(facts.orientation):
        width, height = height, width
    return DevelopedPicture(picture, width, height, facts), upright(small, facts.orientation), opened.is_animation


def _reduced(picture: Image.Image, longer_side: int) -> Image.Image:
    longer = max(picture.size)
    if longer <= longer_side:
        return picture
    width, height = (max(1, round(side * longer_side / longer)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=float(DECODED_SIDES))


def jpeg(picture: Image.Image) -> bytes:
    """Write a thumbnail."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=_THUMBNAIL_QUALITY)
    return out.getvalue()


def taken_of(told: Taken | None, name: str, modified_at: datetime | None) -> Taken | None:
    """Tell when a file was taken: as it tells itself, else as its name does, else when it was last modified."""
    if told is not None:
        return told
    named = time_in_name(name)
    if named is not None:
        return Taken(named, None, TakenOrigin.NAME)
    if modified_at is not None:
        return Taken(local_time(modified_at), None, TakenOrigin.MODIFIED)
    return None
