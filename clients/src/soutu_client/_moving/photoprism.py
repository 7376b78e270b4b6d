"""PhotoPrism: ``originals`` beside ``storage``, or ``storage`` below it.

``storage/sidecar/2024/05/NAME.yml`` tells of ``originals/2024/05/NAME.*``, ``storage/albums/album/UID.yml`` (newer ones:
``storage/backup/albums/album``) of albums and their pictures' UIDs; ``storage/cache`` and ``import`` are its own or not yet taken
in, ``.ppignore`` names what it leaves out (docs.photoprism.app: user-guide/backups, user-guide/library/originals; the fields are
those of internal/entity/photo.go and album.go). The only module that parses YAML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from soutu_client._moving.arrangement import Arrangement, BadSidecarError
from soutu_client._moving.facts import Facts, place
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.sidecar_files import SidecarFiles

__all__ = ["IGNORE_FILE", "STORAGE_MARKER", "arrange"]

STORAGE_MARKER = ".ppstorage"
IGNORE_FILE = ".ppignore"

_TOP = "PhotoPrism"
_TRUSTED = frozenset({"meta", "xmp", "manual", "batch", "yaml", "admin"})
"""Where a value came from, if not from PhotoPrism's own guess or from the name, which soutu knows as well."""
_CORRECTED = frozenset({"manual", "batch", "admin"})

_MOST_DEPTH = 20
"""Of lists in lists; PhotoPrism writes three."""

_Places = tuple[str, ...]


def arrange(files: Sequence[ListedFile], into: Arrangement) -> None:
    """Take the originals under their names below ``PhotoPrism``, with what its sidecars and albums say."""
    originals, told, albums, rules = [], {}, [], {}
    for file in files:
        below = _below(file.folder, "sidecar", "storage")
        if below is not None and file.name.endswith(".yml"):
            told[*below, PurePath(file.name).stem] = file
        elif _below(file.folder, "album", "albums") is not None and file.name.endswith(".yml"):
            albums.append(file)
        elif file.name == IGNORE_FILE:
            rules[file.folder] = _rules(file, into)
        elif (place_ := _original(file.folder)) is None:
            into.ignore(file)
        else:
            originals.append((file, place_))
    sidecars = SidecarFiles([file for file, _ in originals], into)
    by_uid: dict[str, list[Path]] = {}
    read: dict[ListedFile, dict[str, Any]] = {}
    for file, folder in originals:
        if not into.is_photo(file):
            continue
        if _is_left_out(file, rules):
            into.ignore(file)
            continue
        facts = sidecars.facts(file)
        if (sidecar := _beside(told, folder, file.name)) is not None:
            if sidecar not in read:
                read[sidecar] = _document(sidecar, into)
            if read[sidecar]:
                facts = _facts(read[sidecar]).and_(facts or Facts())
                by_uid.setdefault(_text(read[sidecar], "UID"), []).append(file.path)
        into.add(file, "/".join((_TOP, *folder, file.name)), facts)
    sidecars.ignore_others(file for file, _ in originals)
    for album in albums:
        document = _document(album, into)
        title, photos = document.get("Title"), document.get("Photos")
        for photo in photos if isinstance(photos, list) and isinstance(title, str) else ():
            uid = _text(photo, "UID") if isinstance(photo, dict) and not photo.get("Hidden") else ""
            for path in by_uid.get(uid, ()) if uid else ():
                into.tell(path, Facts().in_album(str(title)))


def _below(folder: _Places, name: str, above: str) -> _Places | None:
    """Return what follows a folder that lies in another one; None if there is none."""
    for at, part in enumerate(folder):
        if part == name and above in folder[:at]:
            return folder[at + 1 :]
    return None


def _original(folder: _Places) -> _Places | None:
    """Return the folder of an original; None for what is none: the storage, and what waits to be taken in."""
    if "originals" in folder:
        return folder[folder.index("originals") + 1 :] if "storage" not in folder[folder.index("originals") :] else None
    return None if {"storage", "import"} & set(folder) else folder[1:]


def _beside(told: dict[_Places, ListedFile], folder: _Places, name: str) -> ListedFile | None:
    """Find the sidecar of a file: ``NAME.yml`` for ``NAME.jpg``, and ``NAME.jpg.mp4`` or ``NAME (2).jpg`` of the same stack."""
    stem = PurePath(name).stem
    for candidate in (stem, PurePath(stem).stem, re.sub(r"[ ]?\(\d+\)$", "", stem)):
        if (found := told.get((*folder, candidate))) is not None:
            return found
    return None


def _document(file: ListedFile, into: Arrangement) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - few imports meet one

    try:
        document = _load(file.read_small())
        if not isinstance(document, dict):
            raise BadSidecarError
    except (OSError, BadSidecarError, yaml.YAMLError, ValueError, RecursionError) as error:
        into.bad_sidecar(file, error)
        return {}
    return document


def _load(data: bytes) -> object:
    """Read a document whose numbers stay text: YAML's, with colons in them, can take hours to work out.

    Raises:
        BadSidecarError: It refers to parts of itself, or lies too deep: PhotoPrism writes neither, and both may take all memory.
        yaml.YAMLError: It is no YAML.
    """
    import yaml  # noqa: PLC0415 - few imports meet one

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one, where it was built
    depth = 0
    for event in yaml.parse(data, Loader=base):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _MOST_DEPTH:
            raise BadSidecarError

    class Loader(base):  # type: ignore[misc]
        """Makes nothing but texts, times, truth values, lists and dictionaries."""

    for number in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{number}", Loader.construct_scalar)
    return yaml.load(data, Loader=Loader)  # noqa: S506 - a safe one


def _facts(document: dict[str, Any]) -> Facts:
    details = document.get("Details")
    details = details if isinstance(details, dict) else {}
    titles = [
        _text(document, key).strip() for key in ("Title", "Caption", "Description") if document.get(f"{key}Src") in _TRUSTED
    ]
    keywords = _text(details, "Keywords") if details.get("KeywordsSrc") in _TRUSTED else ""
    subject = _text(details, "Subject") if details.get("SubjectSrc") in _TRUSTED else ""
    source = document.get("TakenSrc")
    return Facts(
        taken=_taken(document) if source in _TRUSTED else None,
        is_corrected=source in _CORRECTED,
        location=place(document.get("Lat"), document.get("Lng")) if document.get("PlaceSrc") in _TRUSTED else None,
        is_favourite=document.get("Favorite") is True,
        caption="\n".join(dict.fromkeys(title for title in titles if title)),
        tags=tuple(tag for text in (keywords, subject) for each in text.split(",") if (tag := each.strip())),
    )


def _taken(document: dict[str, Any]) -> datetime | None:
    """Return the local time, or else the time in UTC on the clock of the zone that is told."""
    local, utc = _naive(document.get("TakenAtLocal")), _naive(document.get("TakenAt"))
    if local is not None or utc is None:
        return local
    try:
        zone = ZoneInfo(_text(document, "TimeZone") or "UTC")
        return utc.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return utc


def _naive(value: object) -> datetime | None:
    """YAML's times are in UTC where they end in Z, and the local one does so too."""
    if not isinstance(value, datetime) or not 1000 <= value.year < 9999:  # in UTC the last year may be over
        return None
    return (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None, microsecond=0)


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _rules(file: ListedFile, into: Arrangement) -> list[str]:
    try:
        lines = file.read_small().decode("utf-8", "replace").splitlines()
    except OSError as error:
        into.bad_sidecar(file, error)
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _is_left_out(file: ListedFile, rules: dict[_Places, list[str]]) -> bool:
    """Whether a ``.ppignore`` in its folder or above names a file, or a folder that it lies in."""
    for folder, patterns in rules.items():
        if file.folder[: len(folder)] == folder:
            below = file.parts[len(folder) :]
            if any(fnmatch(part.lower(), pattern.strip("/").lower()) for part in below for pattern in patterns):
                return True
    return False
