"""Sidecars that lie beside pictures: ``IMG.jpg.xmp``, ``IMG.xmp``, and the JSON of exiftool and osxphotos."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any

from soutu_client._moving.arrangement import Arrangement, BadSidecarError
from soutu_client._moving.facts import Facts, place
from soutu_client._moving.listing import ListedFile
from soutu_client._moving.xmp import local_time, read_xmp
from soutu_client.models import Location

__all__ = ["SidecarFiles"]

_READERS: dict[str, Callable[[bytes], Facts]]


class SidecarFiles:
    """Finds and reads what lies beside pictures. What cannot be read is noted once."""

    def __init__(self, files: Iterable[ListedFile], into: Arrangement) -> None:
        self._into = into
        self._by_name = {
            (file.folder, file.name.lower()): file for file in files if PurePath(file.name).suffix.lower() in _READERS
        }
        self._read: dict[ListedFile, Facts | None] = {}

    def facts(self, file: ListedFile) -> Facts | None:
        """Return what the sidecars of a file tell; None: there is none that can be read."""
        whole: Facts | None = None
        for sidecar in self._beside(file):
            facts = self._facts(sidecar)
            if facts is not None:
                whole = facts if whole is None else whole.and_(facts)
        return whole

    def ignore_others(self, files: Iterable[ListedFile]) -> None:
        """Leave out, and count, what is neither a photo nor a sidecar that told something. Call it last."""
        for file in files:
            if not self._into.is_photo(file) and self._read.get(file) is None:
                self._into.ignore(file)

    def _beside(self, file: ListedFile) -> Iterator[ListedFile]:
        stem = PurePath(file.name).stem
        for name in dict.fromkeys((file.name, stem, stem.replace("IMG_E", "IMG_", 1))):  # IMG_E1234: the edited IMG_1234
            for suffix in _READERS:
                if (found := self._by_name.get((file.folder, f"{name}{suffix}".lower()))) is not None:
                    yield found

    def _facts(self, sidecar: ListedFile) -> Facts | None:
        if sidecar not in self._read:
            try:
                self._read[sidecar] = _READERS[PurePath(sidecar.name).suffix.lower()](sidecar.read_small())
            except (OSError, BadSidecarError) as error:
                self._read[sidecar] = None
                self._into.bad_sidecar(sidecar, error)
        return self._read[sidecar]


def _read_json(data: bytes) -> Facts:
    """Read what exiftool writes with ``-j -G``, and osxphotos with ``--sidecar json``: a list of one object.

    Raises:
        BadSidecarError: It is something else.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadSidecarError from error
    told = document[0] if isinstance(document, list) and document else None
    if not isinstance(told, dict) or "SourceFile" not in told:
        raise BadSidecarError
    by_tag: dict[str, list[Any]] = {}
    for key, value in told.items():  # "EXIF:DateTimeOriginal", or without a group
        by_tag.setdefault(key.rpartition(":")[2], []).append(value)
    titles = _texts(by_tag, "Title", "Description", "ImageDescription", "Caption-Abstract")
    return Facts(
        taken=next((moment for text in _texts(by_tag, "DateTimeOriginal", "CreateDate") if (moment := local_time(text))), None),
        location=_location(by_tag),
        caption="\n".join(dict.fromkeys(title.strip() for title in titles if title.strip())),
        tags=tuple(dict.fromkeys(_texts(by_tag, "Subject", "Keywords", "TagsList", "PersonInImage"))),
    )


def _texts(by_tag: dict[str, list[Any]], *tags: str) -> list[str]:
    """Return the values of some tags, those of lists one by one."""
    values = (value for tag in tags for value in by_tag.get(tag, ()))
    return [
        str(each) for value in values for each in (value if isinstance(value, list) else [value]) if isinstance(each, str | int)
    ]


def _location(by_tag: dict[str, list[Any]]) -> Location | None:
    parts: list[float | int | None] = []
    for axis, negative in (("Latitude", "S"), ("Longitude", "W")):
        values = [value for value in by_tag.get(f"GPS{axis}", ()) if isinstance(value, int | float)]
        reference = next(iter(_texts(by_tag, f"GPS{axis}Ref")), "")
        value = values[0] if values else None
        parts.append(-abs(value) if value is not None and reference.upper().startswith(negative) else value)
    return place(*parts)


_READERS = {".xmp": read_xmp, ".json": _read_json}
