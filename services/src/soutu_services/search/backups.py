"""Backups of the catalog: made while the service goes on, and taken in again."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from soutu_services.runtime.errors import Overloaded
from soutu_services.runtime.version import service_version
from soutu_services.search.backup_archive import Manifest, archive_bytes, archive_parts, disk_full, file_digest, unpack
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.catalog_file import inspect_catalog
from soutu_services.search.catalog.clock import now
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.restoring import stage

__all__ = ["Backup", "BackupLeft", "Backups", "Restored"]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: how long it is, and its bytes, once."""

    total_bytes: int
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was taken in: photos that it shows, and when it was made."""

    photos: int
    created_at: datetime


class BackupLeft(Exception):  # noqa: N818 - nobody is there to be told
    """Whoever asked for a backup has left."""


class Backups:
    """Makes backups and takes them in, one at a time. Thread safe.

    Args:
        catalog: The catalog.
        folder: Where copies lie while they are made or arrive.
        on_staged: Called once a backup is ready to take over: the service has to start again.
    """

    def __init__(self, catalog: Catalog, folder: DataFolder, *, on_staged: Callable[[], None]) -> None:
        self._catalog = catalog
        self._folder = folder
        self._on_staged = on_staged
        self._lock = threading.Lock()

    @contextmanager
    def make(self, *, is_wanted: Callable[[], bool]) -> Iterator[Backup]:
        """Copy the catalog as it is now, to be read within the block.

        Args:
            is_wanted: Asked now and then; a copy that nobody waits for is given up (``BackupLeft``).

        Raises:
            Overloaded: another backup is made, or the disk has too little room.
            DataLoss: the catalog is damaged.
        """

        def checkpoint() -> None:
            if not is_wanted():
                raise BackupLeft

        with self._alone() as copies:
            path = copies / "leaving.sqlite3"
            created_at = now()
            facts = self._catalog.copy_to(path, checkpoint=checkpoint)
            manifest = Manifest(
                soutu_version=service_version(),
                schema_version=facts.schema_version,
                created_at=created_at,
                photos=facts.photos,
                catalog_bytes=path.stat().st_size,
                catalog_sha256=file_digest(path),
            )
            yield Backup(archive_bytes(manifest), archive_parts(manifest, path))

    def restore(self, parts: Iterator[bytes]) -> Restored:
        """Take a backup in: check all of it, and have it take the catalog's place when the service starts again.

        Raises:
            InvalidInput: it is no backup, or it is cut off or damaged; nothing was changed.
            FailedPrecondition: it is a newer soutu's; nothing was changed.
            Overloaded: another backup is under way, or the disk has too little room; nothing was changed.
        """
        with self._alone() as arriving:
            path = arriving / "arriving.sqlite3"
            manifest = unpack(parts, path)
            facts = inspect_catalog(path)
            self._catalog.prepare_successor(path)
            stage(self._folder, path)
            self._on_staged()
            return Restored(facts.photos, manifest.created_at)

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        if not self._lock.acquire(blocking=False):
            raise Overloaded(
                "BACKUP_RUNNING",
                zh="正在备份或恢复，请等它结束后再试",
                en="a backup is being made or restored; wait for its end",
            )
        folder = self._folder.transfers
        try:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise disk_full() from error
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._lock.release()
