"""Originals of many photos as one ZIP, written as it is read: never more than one original is held, and that on the disk."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import IO, cast

from soutu_client._errors import SoutuError
from soutu_client._language import Text
from soutu_client._naming import numbered, safe_file_name
from soutu_client.client import Client
from soutu_client.models import Photo

__all__ = ["zip_of"]

_CHUNK_BYTES = 1 << 18
_FIRST_YEAR, _LAST_YEAR = 1980, 2107
"""A ZIP's clock knows no others (PKWARE APPNOTE 4.4.6)."""
_MISSING_NAME = Text(zh="没有下载的照片.txt", en="photos that are missing.txt")
_NOT_THERE = Text(zh="已不在图库里", en="not in the library any more")


class _Pending:
    """What was written and not sent yet. It cannot be sought in: sizes come behind each file (APPNOTE 4.3.9)."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        return

    def take(self) -> bytes:
        data, self._written = bytes(self._written), bytearray()
        return data


def zip_of(client: Client, photo_ids: Iterable[str]) -> Generator[bytes]:
    """Yield a ZIP of photos' files under their own names, made safe and told apart; nothing is compressed a second time.

    A photo that cannot be read costs no other: the last file in the ZIP says which those are, and why.

    Args:
        client: Of whoever asked; what they may not see is not there.
        photo_ids: Whole ids.

    Raises:
        OSError: The temporary folder cannot be written.
    """
    pending = _Pending()
    taken: set[str] = set()
    missing: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="soutu-zip-") as folder,
        zipfile.ZipFile(cast(IO[bytes], pending), "w", zipfile.ZIP_STORED) as archive,
    ):
        for photo_id in photo_ids:
            try:
                photo = next(iter(client.photos([photo_id])), None)
            except SoutuError as error:
                missing.append(f"{photo_id}: {error.message}")
                continue
            if photo is None:
                missing.append(f"{photo_id}: {_NOT_THERE.to(client.language)}")
                continue
            for part_id, name in (("", photo.name), *((part.part_id, part.name) for part in photo.parts)):
                try:
                    path = client.save_original(photo.photo_id, folder, part_id=part_id)
                except SoutuError as error:
                    missing.append(f"{part_id or photo_id}: {error.message}")
                    continue
                with archive.open(_entry(photo, name, path, taken), "w") as entry, path.open("rb") as original:
                    while chunk := original.read(_CHUNK_BYTES):
                        entry.write(chunk)
                        yield pending.take()
                path.unlink()
        if missing:
            name = _free(_MISSING_NAME.to(client.language), taken)
            archive.writestr(zipfile.ZipInfo(name), "".join(f"{line}\n" for line in missing))
        yield pending.take()
    yield pending.take()  # the directory


def _entry(photo: Photo, name: str, path: Path, taken: set[str]) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(_free(safe_file_name(name or photo.photo_id), taken))
    if photo.taken is not None and _FIRST_YEAR <= photo.taken.local_time.year <= _LAST_YEAR:
        entry.date_time = photo.taken.local_time.timetuple()[:6]
    entry.file_size = path.stat().st_size  # decides whether sizes take 64 bits
    entry.external_attr = 0o644 << 16
    return entry


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other file of the ZIP has, on systems too that know no letter case."""
    free = next(one for one in numbered(name) if one.casefold() not in taken)
    taken.add(free.casefold())
    return free
