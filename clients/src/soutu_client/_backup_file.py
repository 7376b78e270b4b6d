"""The file of a backup: a tar archive of ``manifest.json`` and ``catalog.sqlite3``, nothing else, without compression."""

from __future__ import annotations

import hashlib
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text
from soutu_client.library_models import Backup

__all__ = ["read_backup"]

_MOST_MANIFEST_BYTES = 64 * 1024
_READ_BYTES = 1024 * 1024

_FOREIGN = Text(zh="这不是搜图的备份", en="this is no backup of soutu")
_DAMAGED = Text(zh="备份不完整或已损坏：请用另一个", en="the backup is cut off or damaged: use another one")


def read_backup(path: Path, language: Language) -> Backup:
    """Read a backup's file to its end and say what it is.

    Raises:
        OSError: It cannot be read.
        InvalidInputError: It is no backup, or it is cut off or damaged.
    """
    with path.open("rb") as file:
        size = _read_header(file, "manifest.json")
        if size is None or size > _MOST_MANIFEST_BYTES:
            raise InvalidInputError(_FOREIGN.to(language), reason="NOT_A_BACKUP")
        text = file.read(size)
        file.seek(-size % tarfile.BLOCKSIZE, 1)
        try:
            manifest = json.loads(text)
            if manifest["kind"] != "soutu-backup":
                raise ValueError
            photos, digest = int(manifest["photos"]), str(manifest["catalog_sha256"])
            created_at = datetime.fromisoformat(str(manifest["created_at"]))
            left = int(manifest["catalog_bytes"])
        except (ValueError, KeyError, TypeError):
            raise InvalidInputError(_FOREIGN.to(language), reason="NOT_A_BACKUP") from None
        if _read_header(file, "catalog.sqlite3") != left:
            raise InvalidInputError(_DAMAGED.to(language), reason="BACKUP_DAMAGED")
        found = hashlib.sha256()
        while left and (part := file.read(min(left, _READ_BYTES))):
            found.update(part)
            left -= len(part)
        if left or found.hexdigest() != digest:
            raise InvalidInputError(_DAMAGED.to(language), reason="BACKUP_DAMAGED")
    return Backup(photos=photos, created_at=created_at, size_bytes=path.stat().st_size)


def _read_header(file: BinaryIO, name: str) -> int | None:
    """Read one header and return the size of its file; None unless it is a plain file of this name."""
    try:
        header = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None
    is_plain = header.name == name and header.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
    return header.size if is_plain and header.size >= 0 else None
