"""A decoder's answers as the service takes them: checked, since a picture may have taken the decoder over."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from soutu_services.search.imaging import FilmFrame, Reading, Unreadable
from soutu_services.search.model import PhotoKind, UnreadableReason

__all__ = ["MAX_IMAGE_BYTES", "DecoderFault", "reading_from"]

MAX_IMAGE_BYTES = 8 << 20
"""A thumbnail, with a video's frames, has a fraction of this: 512 x 512 pixels of noise have 300 KB, 2048 x 2048 have 5 MB."""

_MAX_WORDS_CHARACTERS = 200
_JPEG = b"\xff\xd8\xff"

_MAX_FRAMES = 64

_reading = TypeAdapter(Reading)
_frame_list = TypeAdapter(list[tuple[int, int]])


class DecoderFault(Exception):  # noqa: N818 - it is not known to be the picture's error
    """The code around the decoder failed in a way that nobody foresaw; it may pass."""


def reading_from(fields: dict[str, Any], images: bytes) -> Reading:
    """Take a decoder's answer.

    Raises:
        Unreadable: it says that the picture cannot be read.
        DecoderFault: it says that its own code failed.
        ValueError: it is no answer.
    """
    if "unreadable" in fields:
        raise Unreadable(UnreadableReason(fields["unreadable"]), str(fields.get("detail", ""))[:_MAX_WORDS_CHARACTERS])
    if "fault" in fields:
        raise DecoderFault(str(fields["fault"])[:_MAX_WORDS_CHARACTERS])
    told = fields.get("reading")
    if not isinstance(told, dict):
        raise ValueError("no reading")
    thumbnail, frames = _images(_frame_list.validate_python(told.get("frames", [])), images)
    reading = _reading.validate_python({**told, "thumbnail": thumbnail, "frames": frames})
    words = len(reading.camera) + len(reading.media_type) + len(reading.codec)
    times = [frame.time_ms for frame in frames]
    if not (
        all(image.startswith(_JPEG) for image in (thumbnail, *(frame.image for frame in frames)))
        and 0 < reading.width < 1 << 32
        and 0 < reading.height < 1 << 32
        and 0 <= reading.phash < 1 << 64
        and words <= _MAX_WORDS_CHARACTERS
        and 0 <= (reading.duration_ms or 0) < 1 << 40
        and times == sorted(set(times))
        and all(0 <= at < 1 << 40 for at in (reading.poster_ms, *times))
        and (reading.kind is PhotoKind.VIDEO) == bool(frames)
    ):
        raise ValueError("an impossible reading")
    return reading


def _images(lengths: list[tuple[int, int]], images: bytes) -> tuple[bytes, tuple[FilmFrame, ...]]:
    """Take apart the thumbnail and the frames, whose times and lengths are told."""
    if len(lengths) > _MAX_FRAMES:
        raise ValueError("too many frames")
    at = len(images) - sum(length for _, length in lengths)
    if at < 0 or any(length <= 0 for _, length in lengths):
        raise ValueError("no images")
    thumbnail, frames = images[:at], []
    for time_ms, length in lengths:
        frames.append(FilmFrame(time_ms, images[at : at + length]))
        at += length
    return thumbnail, tuple(frames)
