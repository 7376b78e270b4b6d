"""Which layout a folder has, and its pictures arranged accordingly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from soutu_client._moving import apple, icloud, immich, photoprism, plain_folder, takeout
from soutu_client._moving.arrangement import Arrangement
from soutu_client._moving.listing import ListedFile
from soutu_client.move_models import Layout

__all__ = ["arrange", "layout_of"]

_MOST_JSON_LOOKED_AT = 50

_ARRANGE: dict[Layout, Callable[[Sequence[ListedFile], Arrangement], None]] = {
    Layout.TAKEOUT: takeout.arrange,
    Layout.APPLE: apple.arrange,
    Layout.ICLOUD: icloud.arrange,
    Layout.IMMICH: immich.arrange,
    Layout.PHOTOPRISM: photoprism.arrange,
    Layout.FOLDER: plain_folder.arrange,
}


def arrange(layout: Layout, files: Sequence[ListedFile], into: Arrangement) -> None:
    """Arrange files by a layout."""
    _ARRANGE[layout](files, into)


def layout_of(files: Sequence[ListedFile]) -> Layout:
    """Recognise a layout by what lies where."""
    folders = {file.folder for file in files}
    names = {part for folder in folders for part in folder}
    own = {file.name for file in files}
    if _is_takeout(files):
        return Layout.TAKEOUT
    if any(icloud.tells_details(file) for file in files if file.folder and file.folder[-1] == "Photos"):
        return Layout.ICLOUD
    if own & {photoprism.STORAGE_MARKER, photoprism.IGNORE_FILE} or {"originals", "storage"} <= names:
        return Layout.PHOTOPRISM
    if immich.MARKER in own or (names & immich.ORIGINALS and names & immich.OWN_FOLDERS):
        return Layout.IMMICH
    is_apple = any(apple.is_library(part) for part in names) or _looks_like_apple(files)
    return Layout.APPLE if is_apple else Layout.FOLDER


def _looks_like_apple(files: Sequence[ListedFile]) -> bool:
    """Whether there are edit lists, or ``IMG_1.xmp`` beside ``IMG_1.HEIC``; other programs write ``IMG_1.jpg.xmp``."""
    own = [(file.folder, PurePath(file.name)) for file in files]
    stems = {(folder, path.stem) for folder, path in own if path.suffix.lower() != ".xmp"}
    return any(
        path.suffix.lower() == ".aae" or (path.suffix.lower() == ".xmp" and (folder, path.stem) in stems) for folder, path in own
    )


def _is_takeout(files: Sequence[ListedFile]) -> bool:
    """Whether pictures lie in a whole Takeout, or have sidecars of Google's: some would be seen among those looked at."""
    within = [file for file in files if any(takeout.is_photos_folder(part) for part in file.folder)]
    if any(takeout.is_takeout_folder(part) for file in within for part in file.folder):
        return True
    jsons = [file for some in (within, files) for file in some if file.name.lower().endswith(".json")]
    return any(takeout.reads_as_sidecar(file) for file in jsons[:_MOST_JSON_LOOKED_AT])
