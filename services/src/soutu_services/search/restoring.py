"""A restored catalog's way into its place, which it takes before anything else of the service is there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from soutu_services.runtime.errors import SoutuError
from soutu_services.search.aside_file import sync_folder
from soutu_services.search.backup_archive import disk_full, unpack
from soutu_services.search.catalog.catalog_file import inspect_catalog, prepare_catalog, token_rows
from soutu_services.search.data_folder import DataFolder

__all__ = ["stage", "take_over_restored"]

_logger = logging.getLogger(__name__)

_BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database while it is in use; the first may hold what was committed."""
_READ_BYTES = 1 << 20


def stage(folder: DataFolder, catalog: Path) -> None:
    """Make a prepared catalog the one that takes the present one's place at the next start; it is on the disk then.

    Raises:
        Overloaded: the disk does not take it.
    """
    try:
        catalog.replace(folder.staged)
        sync_folder(folder.staged.parent)
    except OSError as error:
        raise disk_full() from error


def take_over_restored(folder: DataFolder) -> bool:
    """Put a restored catalog in its place, and the one that was there aside. A crash in between is gone on from.

    Returns:
        Whether there was one.

    Raises:
        SoutuError: a backup that a person put there cannot be restored; nothing was changed.
    """
    if folder.backup.exists() and not folder.staged.exists():
        _stage_backup(folder)
    if not folder.staged.exists():
        return False
    try:
        if folder.backup.exists():
            folder.backup.replace(_free(folder.backup.with_name("restored.tar")))
        aside = _free(folder.catalog.with_name("catalog-before-restore.sqlite3"))
        if folder.catalog.exists():
            for suffix in (*_BESIDE, ""):  # the catalog last: until it is moved, this is begun again under the same name
                _move(folder.catalog, aside, suffix)
        for suffix in _BESIDE:
            folder.catalog.with_name(folder.catalog.name + suffix).unlink(missing_ok=True)
        folder.index_snapshot.unlink(missing_ok=True)
        folder.restored_mark.touch()
        sync_folder(folder.catalog.parent)
        folder.staged.replace(folder.catalog)
        sync_folder(folder.catalog.parent)
    except OSError as error:
        raise disk_full() from error
    _logger.warning("the library was restored from a backup; what the catalog was before is kept as %s", aside.name)
    return True


def _stage_backup(folder: DataFolder) -> None:
    folder.transfers.mkdir(exist_ok=True)
    catalog = folder.transfers / "arriving.sqlite3"
    try:
        unpack(_parts(folder.backup), catalog)
        inspect_catalog(catalog)
        prepare_catalog(catalog, tokens=token_rows(folder.catalog))  # no token that was revoked since comes back to life
    except SoutuError as error:
        text = error.text
        raise type(error)(error.reason, zh=f"数据文件夹里的 restore.tar：{text.zh}", en=f"restore.tar: {text.en}") from error
    stage(folder, catalog)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            yield part


def _move(path: Path, aside: Path, suffix: str) -> None:
    source = path.with_name(path.name + suffix)
    if source.exists():
        source.replace(aside.with_name(aside.name + suffix))


def _free(path: Path) -> Path:
    """Find a name that nothing has yet, with a number if need be."""
    if not path.exists():
        return path
    return next(free for number in count(2) if not (free := path.with_stem(f"{path.stem}-{number}")).exists())
