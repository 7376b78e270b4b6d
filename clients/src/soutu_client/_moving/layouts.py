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
    if any(takeout.is_photos_folder(part) for part in names) or _has_takeout_sidecars(files):
        return Layout.TAKEOUT
    if any(icloud.tells_details(file) for file in files if file.folder and file.folder[-1] == "Photos"):
        return Layout.ICLOUD
    if own & {photoprism.STORAGE_MARKER, photoprism.IGNORE_FILE} or {"originals", "storage"} <= names:
        return Layout.PHOTOPRISM
    if immich.MARKER in own or (names & immich.ORIGINALS and names & immich.OWN_FOLDERS):
        return Layout.IMMICH
    return Layout.APPLE if _looks_like_apple(files) else Layout.FOLDER


def _looks_like_apple(files: Sequence[ListedFile]) -> bool:
    """Whether there are edit lists, or ``IMG_1.xmp`` beside ``IMG_1.HEIC``; other programs write ``IMG_1.jpg.xmp``."""
    own = [(file.folder, PurePath(file.name)) for file in files]
    stems = {(folder, path.stem) for folder, path in own if path.suffix.lower() != ".xmp"}
    return any(
        path.suffix.lower() == ".aae" or (path.suffix.lower() == ".xmp" and (folder, path.stem) in stems) for folder, path in own
    )


def _has_takeout_sidecars(files: Sequence[ListedFile]) -> bool:
    jsons = [file for file in files if file.name.lower().endswith(".json")]
    return any(takeout.reads_as_sidecar(file) for file in jsons[:_MOST_JSON_LOOKED_AT])
