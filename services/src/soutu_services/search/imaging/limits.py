"""How large a picture may be, and the refusal of one."""

from __future__ import annotations

from dataclasses import dataclass

from soutu_services.search.model import UnreadableReason

__all__ = ["PictureLimits", "Unreadable"]


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Limits that are checked before a picture is decoded.

    Attributes:
        max_bytes: Largest file, in bytes.
        max_pixels: Most pixels of a picture that is decoded whole. Decoding takes up to 8 bytes a pixel.
        max_reduced_pixels: Most pixels of a JPEG, which is decoded at a half, a quarter or an eighth of its size. A progressive
            one must keep its coefficients (up to 6 bytes a pixel), so half of this holds for it.
        max_film_bytes: Largest video, in bytes. Only parts of it are read to decode it.
        max_film_seconds: Longest video.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_reduced_pixels: int = 500_000_000
    max_film_bytes: int = 16 << 30
    max_film_seconds: float = 12 * 3600.0


class Unreadable(Exception):  # noqa: N818 - it is an answer about one file, not a failure
    """A file cannot be read as a picture.

    Attributes:
        reason: Why; ``reason.text`` is for people.
    """

    def __init__(self, reason: UnreadableReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
