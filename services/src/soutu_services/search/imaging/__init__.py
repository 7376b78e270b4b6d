"""Reading pictures: what a file is, when and where it was taken, how it looks.

Pictures are hostile input. Limits are checked from the header before anything is decoded, and whatever a decoder does with a
file, the answer is a ``Reading`` or an ``Unreadable`` with its reason.
"""

from __future__ import annotations

from soutu_services.search.imaging.candidates import is_candidate
from soutu_services.search.imaging.formats import sniff
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.reading import LARGE_SIDE, THUMBNAIL_SIDE, Reading, read_picture

__all__ = ["LARGE_SIDE", "THUMBNAIL_SIDE", "PictureLimits", "Reading", "Unreadable", "is_candidate", "read_picture", "sniff"]
