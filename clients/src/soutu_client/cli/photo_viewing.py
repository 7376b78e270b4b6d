"""An original on this computer's disk, for the time that somebody looks at it."""

from __future__ import annotations

import mimetypes
import time
from contextlib import suppress
from pathlib import Path

from soutu_client._user_folders import cache_folder, private_folder
from soutu_client.client import Client

__all__ = ["fetch_to_view"]

_KEPT_SECONDS = 7 * 24 * 3600


def fetch_to_view(client: Client, photo_id: str, media_type: str) -> Path:
    """Save an original where only this person can read it, if it is not there, and return where.

    A viewer goes by a file's ending, so it is that of a picture whatever the photo's name says. What was fetched more than a
    week ago is removed.

    Raises:
        OSError: The folder cannot be written.
        SoutuError: The original cannot be read.
    """
    base = private_folder(cache_folder() / "originals")
    _remove_old(base)
    path = client.save_original(photo_id, private_folder(base / photo_id))
    kind, packed = mimetypes.guess_type(path.name)
    if packed or not (kind or "").startswith("image/") or "svg" in (kind or ""):  # a drawing is a program to some viewers
        shown = path.with_name(f"{path.name}{mimetypes.guess_extension(media_type) or '.jpg'}")
        path = path.replace(shown)
    path.touch()
    return path


def _remove_old(base: Path) -> None:
    for path in base.glob("*/*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                path.unlink()
    for folder in base.iterdir():
        with suppress(OSError):  # it still holds something, or is a file that a system left there
            folder.rmdir()
