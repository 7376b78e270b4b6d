"""A decoder's answers as the service takes them: checked, since a picture may have taken the decoder over."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from soutu_services.search.imaging import Reading, Unreadable
from soutu_services.search.model import UnreadableReason

__all__ = ["MAX_THUMBNAIL_BYTES", "DecoderFault", "reading_from"]

MAX_THUMBNAIL_BYTES = 8 << 20
"""A thumbnail has a fraction of this: 512 x 512 pixels of noise have 300 KB, 2048 x 2048 have 5 MB."""

_MAX_WORDS_CHARACTERS = 200
_JPEG = b"\xff\xd8\xff"

_reading = TypeAdapter(Reading)


class DecoderFault(Exception):  # noqa: N818 - it is not known to be the picture's error
    """The code around the decoder failed in a way that nobody foresaw; it may pass."""


def reading_from(fields: dict[str, Any], thumbnail: bytes) -> Reading:
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
    reading = _reading.validate_python({**told, "thumbnail": thumbnail})
    words = len(reading.camera) + len(reading.media_type)
    if not (
        thumbnail.startswith(_JPEG)
        and 0 < reading.width < 1 << 32
        and 0 < reading.height < 1 << 32
        and 0 <= reading.phash < 1 << 64
        and words <= _MAX_WORDS_CHARACTERS
    ):
        raise ValueError("an impossible reading")
    return reading
