"""Immich's ``UPLOAD_LOCATION``.

``library/USER/2024/2024-05-01/IMG.jpg`` where its storage template is on, else ``upload/UUID/ab/cd/UUID.jpg``; ``IMG.jpg.xmp``
beside what somebody described; ``thumbs``, ``encoded-video``, ``profile`` and ``backups`` are its own, and an empty ``.immich``
lies in each of them (docs.immich.app: administration/storage-template, administration/system-integrity, features/xmp-sidecars).
Albums and favourites are in its database alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from soutu_client._moving.arrangement import Arrangement
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.sidecar_files import SidecarFiles

__all__ = ["MARKER", "ORIGINALS", "OWN_FOLDERS", "arrange"]

MARKER = ".immich"
ORIGINALS = frozenset({"library", "upload"})
OWN_FOLDERS = frozenset({"thumbs", "encoded-video", "profile", "backups"})

_TOP = "Immich"


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the originals, under the names that Immich gave them, below ``Immich``; nothing that it made itself."""
    sidecars = SidecarFiles(files, into)
    own, others = [], []
    for file in files:
        begin = _begin(file.folder)
        if begin is not None and file.folder[begin] in OWN_FOLDERS:
            own.append(file)
        elif into.is_photo(file):
            below = file.parts[begin + 1 :] if begin is not None else file.parts[1:]
            into.add(file, "/".join((_TOP, *below)), sidecars.facts(file))
        else:
            others.append(file)
    for file in own:
        into.ignore(file)
    sidecars.ignore_others(others)


def _begin(folder: tuple[str, ...]) -> int | None:
    """Return where ``library``, ``thumbs`` and so on stands; UPLOAD_LOCATION may be called by one of these names itself."""
    places = [at for at, part in enumerate(folder) if part in ORIGINALS | OWN_FOLDERS]
    if len(places) > 1 and places[1] == places[0] + 1 and (places[0] == 0 or folder[places[0]] == "upload"):
        return places[1]
    return places[0] if places else None
