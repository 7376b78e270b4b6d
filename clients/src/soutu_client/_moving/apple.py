"""An export of Apple Photos: File > Export > Export Unmodified Originals, with "Export IPTC as XMP", or osxphotos.

``IMG_0001.HEIC`` with ``IMG_0001.MOV`` of a Live Photo, ``IMG_0001.xmp`` (``IMG_0001.HEIC.xmp`` and ``.json`` by osxphotos), the
edit list ``IMG_0001.AAE``, which says nothing of a picture, and edited pictures ``IMG_E0001.HEIC``; in a folder for each moment
or album. Apple documents the export (support.apple.com/guide/photos, "Export photos"), osxphotos what is written
(github.com/RhetTbull/osxphotos/wiki/Photos-Behavior).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from soutu_client._moving.arrangement import Arrangement
from soutu_client._moving.facts import Facts
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.sidecar_files import SidecarFiles

__all__ = ["arrange", "is_library"]

_DAY = re.compile(
    r"(?:19|20)\d\d\s*(?:[-./_]|年)\s*\d{1,2}|\d{1,2}[-./ ]+(?:\d{1,2}|[^\W\d_]{3,9}\.?)[-./, ]+(?:19|20)\d\d"
    r"|[^\W\d_]{3,9}\.? \d{1,2},? (?:19|20)\d\d|^(?:19|20)\d\d$"
)
"""A moment's folder is called by its day, with or without a place: that is no album."""


def is_library(name: str) -> bool:
    """Whether a folder is a whole library of Photos, which nobody exported."""
    return name.lower().endswith(".photoslibrary")


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the pictures under the names they have; a folder that is not called by a day is an album.

    Of a whole library (``Photos Library.photoslibrary``) the originals come, under the names that Photos gave them; what it knew
    of them is in its database.
    """
    sidecars = SidecarFiles(files, into)
    others = []
    for file in files:
        inside = next((at for at, part in enumerate(file.folder) if is_library(part)), None)
        is_own = inside is not None and file.folder[inside + 1 : inside + 2] not in (("originals",), ("Masters",))
        if is_own:
            into.ignore(file)
        elif not into.is_photo(file):
            others.append(file)
        else:
            into.add(file, "/".join(file.parts), sidecars.facts(file))
            album = file.folder[-1] if len(file.folder) > 1 and inside is None else ""
            if album and not _DAY.search(album):
                into.tell(file.path, Facts().in_album(album))
    sidecars.ignore_others(others)
