"""The file of a backup.

It is a tar archive (POSIX ustar) of exactly two files, in this order, without compression:

    manifest.json     UTF-8 JSON, at most 64 KiB: what the backup is; see ``Manifest``
    catalog.sqlite3   the catalog, a SQLite 3 database that is whole by itself

so that any tar and any SQLite open it. The photos are not in it: they are files already, in their buckets. The index is not in it
either: it is made again from the catalog. The digests of the access tokens are, in the catalog's table ``tokens``.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Overloaded

__all__ = ["FORMAT", "Manifest", "archive_bytes", "archive_parts", "disk_full", "file_digest", "unpack"]

FORMAT = 1
"""Version of the archive's shape."""

_MANIFEST_NAME = "manifest.json"
_CATALOG_NAME = "catalog.sqlite3"
_MOST_MANIFEST_BYTES = 64 << 10
_MOST_TRAILING_BYTES = 1 << 20
_PART_BYTES = 256 << 10
_ROOM_BYTES = 64 << 20
"""Free space that a restored catalog must leave on the disk."""


class Manifest(BaseModel):
    """What a backup is.

    Attributes:
        kind: Marks it.
        format: ``FORMAT`` of the archive.
        soutu_version: Version of the service that made it.
        schema_version: Version of the catalog's schema.
        created_at: When it was made.
        photos: Photos that the library showed then.
        catalog_bytes: Size of the catalog's file.
        catalog_sha256: Its digest, 64 lower-case hex digits.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    kind: Literal["soutu-backup"] = "soutu-backup"
    format: int = FORMAT
    soutu_version: str
    schema_version: int = Field(ge=1)
    created_at: AwareDatetime
    photos: int = Field(ge=0)
    catalog_bytes: int = Field(ge=1)
    catalog_sha256: str = Field(pattern="^[0-9a-f]{64}$")


def file_digest(path: Path) -> str:
    """Return a file's SHA-256 as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archive_bytes(manifest: Manifest) -> int:
    """Tell how long the archive of a catalog is."""
    return 2 * tarfile.BLOCKSIZE + sum(map(_padded, (len(_to_json(manifest)), manifest.catalog_bytes))) + 2 * tarfile.BLOCKSIZE


def archive_parts(manifest: Manifest, catalog: Path) -> Iterator[bytes]:
    """Yield the archive of a catalog's file, piece by piece."""
    text = _to_json(manifest)
    yield _header(_MANIFEST_NAME, len(text), manifest) + text + _padding(len(text))
    yield _header(_CATALOG_NAME, manifest.catalog_bytes, manifest)
    with catalog.open("rb") as file:
        while part := file.read(_PART_BYTES):
            yield part
    yield _padding(manifest.catalog_bytes) + bytes(2 * tarfile.BLOCKSIZE)


def unpack(parts: Iterable[bytes], catalog: Path) -> Manifest:
    """Read an archive to its end and write the catalog that is in it to a file.

    The names in the archive decide nothing: what is not exactly of the shape above is refused before a byte of it is written, and
    no more is written than the manifest announces and the disk has room for.

    Args:
        parts: The archive's bytes.
        catalog: The file to write.

    Raises:
        InvalidInput: it is no backup, or it is cut off or damaged.
        FailedPrecondition: it is a newer soutu's.
        Overloaded: the disk has too little room.
    """
    stream = _Stream(parts)
    size = _read_header(stream, _MANIFEST_NAME)
    if size > _MOST_MANIFEST_BYTES:
        raise _foreign()
    manifest = _manifest_from(b"".join(stream.read(size)))
    stream.skip_zeros(-size % tarfile.BLOCKSIZE)
    if _read_header(stream, _CATALOG_NAME) != manifest.catalog_bytes:
        raise _damaged()
    digest = hashlib.sha256()
    try:
        if shutil.disk_usage(catalog.parent).free < manifest.catalog_bytes + _ROOM_BYTES:
            raise disk_full()
        with catalog.open("wb") as file:
            for part in stream.read(manifest.catalog_bytes):
                digest.update(part)
                file.write(part)
    except OSError as error:
        raise disk_full() from error
    stream.skip_zeros(-manifest.catalog_bytes % tarfile.BLOCKSIZE)
    stream.expect_end()
    if digest.hexdigest() != manifest.catalog_sha256:
        raise _damaged()
    return manifest


class _Stream:
    """The bytes of an archive, in order."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = memoryview(b"")

    def read(self, size: int) -> Iterator[bytes]:
        """Yield exactly so many bytes, in pieces."""
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._parts, b""))
                if not self._rest:
                    raise _damaged()
            taken, self._rest = self._rest[:size], self._rest[size:]
            size -= len(taken)
            yield bytes(taken)

    def skip_zeros(self, size: int) -> None:
        for part in self.read(size):
            if any(part):
                raise _damaged()

    def expect_end(self) -> None:
        """Read the two empty blocks of the end, and more of the same, as tar programs fill up to their own block size."""
        self.skip_zeros(2 * tarfile.BLOCKSIZE)
        trailing = 0
        for part in (bytes(self._rest), *self._parts):
            trailing += len(part)
            if any(part) or trailing > _MOST_TRAILING_BYTES:
                raise _damaged()


def _read_header(stream: _Stream, name: str) -> int:
    """Read one header, which must be that of a plain file of this name, and return its size."""
    block = b"".join(stream.read(tarfile.BLOCKSIZE))
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise _foreign() from error
    if header.name != name or header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.size < 0:
        raise _foreign()
    return header.size


def _manifest_from(text: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _foreign() from error
    if manifest.format > FORMAT:
        raise FailedPrecondition(
            "BACKUP_TOO_NEW",
            zh="这个备份是更新版本的搜图做的，请升级搜图后再恢复",
            en="this backup was made by a newer soutu; upgrade soutu, then restore it",
        )
    return manifest


def _to_json(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=2).encode() + b"\n"


def _header(name: str, size: int, manifest: Manifest) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mtime = int(manifest.created_at.timestamp())
    header.mode = 0o600
    return header.tobuf(tarfile.GNU_FORMAT)  # as ustar, but for sizes beyond 8 GiB


def _padded(size: int) -> int:
    return size + len(_padding(size))


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def disk_full() -> Overloaded:
    """Return the error of a disk that does not take a backup, or has no room for it."""
    return Overloaded(
        "DISK_FULL",
        zh="搜索服务的磁盘空间不够，没有改动任何东西；请腾出空间后重试",
        en="the search service's disk has too little room; nothing was changed. Free some and try again",
    )


def _foreign() -> InvalidInput:
    return InvalidInput(
        "NOT_A_BACKUP", zh="这不是搜图的备份，没有改动任何东西", en="this is no backup of soutu; nothing was changed"
    )


def _damaged() -> InvalidInput:
    return InvalidInput(
        "BACKUP_DAMAGED",
        zh="备份不完整或已损坏，没有改动任何东西；请用另一个备份",
        en="the backup is cut off or damaged; nothing was changed. Use another one",
    )
