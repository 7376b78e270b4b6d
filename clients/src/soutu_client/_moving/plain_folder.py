"""A plain folder, with XMP sidecars if some program left them."""

from __future__ import annotations

from collections.abc import Sequence

from soutu_client._moving.arrangement import Arrangement
from soutu_client._moving.facts import Facts
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.sidecar_files import SidecarFiles

__all__ = ["arrange"]


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the pictures under the names they have."""
    sidecars = SidecarFiles(files, into)
    for file in files:
        if into.is_photo(file):
            into.add(file, "/".join(file.parts), sidecars.facts(file))
            if into.folder_albums and file.folder:
                into.tell(file.path, Facts().in_album(file.folder[-1]))
    sidecars.ignore_others(files)
