"""Reading pictures and videos: what a file is, when and where it was taken, how it looks.

Pictures are hostile input. Limits are checked from the header before anything is decoded, and whatever a decoder does with a
file, the answer is a ``Reading`` or an ``Unreadable`` with its reason.
"""

from __future__ import annotations

from soutu_services.search.imaging.candidates import has_film_name, is_candidate
from soutu_services.search.imaging.formats import SNIFF_BYTES, format_of, sniff
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.reading import LARGE_SIDE, THUMBNAIL_SIDE, FilmFrame, Reading, read_film, read_picture

__all__ = [
    "LARGE_SIDE",
    "SNIFF_BYTES",
    "THUMBNAIL_SIDE",
    "FilmFrame",
    "PictureLimits",
    "Reading",
    "Unreadable",
    "format_of",
    "has_film_name",
    "is_candidate",
    "read_film",
    "read_picture",
    "sniff",
]
