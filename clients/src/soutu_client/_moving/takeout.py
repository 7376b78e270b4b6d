"""Google Takeout: ``Takeout/Google Photos/…``, as folders or as the zips that were downloaded, each in any number of parts.

The same picture lies in the folder of its year and in those of its albums; a JSON beside it tells when it was taken, in UTC, and
what was written about it, possibly in another part. The names of folders are in the person's language. Google documents little of
it (support.google.com/accounts/answer/3024190); see ``takeout_names`` for who does.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soutu_client._moving.arrangement import Arrangement, BadSidecarError
from soutu_client._moving.facts import Facts, home_time, place
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.takeout_names import SidecarNames, whole_name
from soutu_client.models import Location

__all__ = ["arrange", "is_photos_folder", "is_takeout_folder", "reads_as_sidecar"]

_TOP = re.compile(r"takeout\b.*", re.IGNORECASE)
_PHOTOS = re.compile(r"google[ _]?(photo|foto|фото|相|フォト|포토).*", re.IGNORECASE)

# Photos from 2019, Fotos von 2019, Photos de 2019, Foto dal 2019, 2019年的照片, 2019年の写真, Фото за 2019 год
_YEAR = re.compile(
    r"(?:(?:photos?|fotos?|foto's|фото\w*|zdjęcia|фотографии)\s+\w+\s+(?:19|20)\d\d(?:\s+\w+)?|(?:19|20)\d\d\s*年的?(?:照片|相片|の写真|写真))",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d(?:\s*#\d+)?")
"""Older Takeouts made an album of each day."""


@dataclass(frozen=True)
class _Sidecar:
    """What one JSON tells: ``key`` is the same in each folder that the picture lies in."""

    facts: Facts
    title: str
    key: tuple[str, str]
    is_trashed: bool


@dataclass
class _Folder:
    """One folder of the library, out of all parts."""

    photos: list[ListedFile] = field(default_factory=list)
    sidecars: dict[str, _Sidecar] = field(default_factory=dict)
    album: str = ""


def is_takeout_folder(name: str) -> bool:
    """Whether a folder or an archive is called as Google calls a Takeout."""
    return _TOP.fullmatch(name) is not None


def is_photos_folder(name: str) -> bool:
    """Whether a folder is called as Google Photos is in some language."""
    return _PHOTOS.fullmatch(name) is not None


def reads_as_sidecar(file: ListedFile) -> bool:
    """Whether a JSON is what a Takeout puts beside a picture."""
    try:
        return "photoTakenTime" in _document(file)
    except (OSError, BadSidecarError):
        return False


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the pictures of Google Photos, each under the name of its folder and what it was called before it was cut."""
    folders = _folders(files, into)
    by_key: defaultdict[tuple[str, str], list[Path]] = defaultdict(list)
    lonely: list[tuple[str, _Sidecar]] = []
    for parts, folder in folders.items():
        names = SidecarNames(folder.sidecars, (photo.name for photo in folder.photos))
        unclaimed = set(folder.sidecars)
        for photo in folder.photos:
            found = names.find(photo.name)
            sidecar = folder.sidecars[found] if found else None
            unclaimed.discard(found or "")
            if sidecar is not None and sidecar.is_trashed:
                into.trashed += 1
                continue
            name = whole_name(photo.name, sidecar.title) if sidecar else photo.name
            into.add(photo, "/".join((*parts, name)), sidecar.facts if sidecar else None)
            if folder.album:
                into.tell(photo.path, Facts().in_album(folder.album))
            if sidecar is not None:
                by_key[sidecar.key].append(photo.path)
        lonely += [(folder.album, folder.sidecars[name]) for name in sorted(unclaimed) if folder.album]
    for album, sidecar in lonely:  # its picture lies in the folder of its year alone
        for path in by_key.get(sidecar.key, ()):
            into.tell(path, Facts().in_album(album))


def _folders(files: Sequence[ListedFile], into: Arrangement) -> dict[tuple[str, ...], _Folder]:
    is_whole = any(_is_in_takeout(file.folder) and any(is_photos_folder(part) for part in file.folder) for file in files)
    folders: defaultdict[tuple[str, ...], _Folder] = defaultdict(_Folder)
    for file in files:
        parts = _library_folder(file.folder)
        if is_whole and _is_in_takeout(file.folder) and not any(is_photos_folder(part) for part in parts):  # Drive, Mail
            into.ignore(file)
        elif file.name.lower().endswith(".json"):
            _read(file, folders[parts], into)
        elif into.is_photo(file):
            folders[parts].photos.append(file)
        else:
            into.ignore(file)
    for parts, folder in folders.items():
        if parts and _YEAR.fullmatch(parts[-1]):
            folder.album = ""
    return folders


def _is_in_takeout(folder: tuple[str, ...]) -> bool:
    return any(is_takeout_folder(part) for part in folder)


def _library_folder(folder: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is below ``takeout-20240101T000000Z-001/Takeout``, the same for each part."""
    first = next((at for at, part in enumerate(folder) if is_takeout_folder(part)), None)
    if first is None:
        return folder
    while first < len(folder) and is_takeout_folder(folder[first]):
        first += 1
    return folder[first:]


def _read(file: ListedFile, folder: _Folder, into: Arrangement) -> None:
    try:
        document = _document(file)
    except (OSError, BadSidecarError) as error:
        into.bad_sidecar(file, error)
        return
    if "photoTakenTime" in document:
        folder.sidecars[file.name] = _sidecar(document)
    elif title := _album(document):
        folder.album = title


def _document(file: ListedFile) -> dict[str, Any]:
    try:
        document = json.loads(file.read_small().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadSidecarError from error
    return document if isinstance(document, dict) else {}


def _sidecar(document: dict[str, Any]) -> _Sidecar:
    taken = document.get("photoTakenTime")
    told = taken.get("timestamp") if isinstance(taken, dict) else None
    seconds = str(told) if isinstance(told, str | int) else ""
    people = document.get("people")
    names = [_text(person, "name") for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    facts = Facts(
        taken=home_time(int(seconds)) if re.fullmatch(r"-?[0-9]{1,12}", seconds) and int(seconds) != 0 else None,
        location=_place(document.get("geoData")) or _place(document.get("geoDataExif")),
        is_favourite=document.get("favorited") is True,
        caption=_text(document, "description"),
        tags=tuple(name for name in names if name),
    )
    title = _text(document, "title")
    return _Sidecar(facts, title, (title, seconds), is_trashed=document.get("trashed") is True)


def _place(value: object) -> Location | None:
    return place(value.get("latitude"), value.get("longitude")) if isinstance(value, dict) else None


def _album(document: dict[str, Any]) -> str:
    """Return an album's title; older Takeouts have it one level down. A day is none."""
    inner = document.get("albumData")
    told = inner if isinstance(inner, dict) else document
    is_album = inner is not None or any(key in told for key in ("date", "access", "description"))
    title = _text(told, "title").strip()
    return title if is_album and not _DAY.fullmatch(title) else ""


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""
