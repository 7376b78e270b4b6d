"""The folder on a local disk that holds the catalog; one service at a time has it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import IO, Self

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.aside_file import ASIDE_SUFFIX

__all__ = ["DataFolder"]


class DataFolder:
    """The data folder, locked against a second service. Close it at the end.

    Attributes:
        catalog: File of the catalog.
        index_snapshot: File that keeps the index from one run to the next; derived, like the bases beside it: all may be deleted.
        journal: Folder of what was written to the store of late.
        spool: Folder for uploads while they arrive; emptied at the start.
        transfers: Folder for backups while they are made or arrive; emptied at the start.
        staged: File of a catalog that takes the present one's place at the next start.
        backup: A backup that a person put there: it is restored at the next start.
        wake_stamp: File whose time says when the embedding service's machine was woken last.
        restored_mark: File that is there from a restore until the library was compared with its buckets.
    """

    def __init__(self, folder: Path, lock: IO[str]) -> None:
        self.catalog = folder / "catalog.sqlite3"
        self.index_snapshot = folder / "index.snapshot"
        self.journal = folder / "journal"
        self.spool = folder / "uploads"
        self.transfers = folder / "transfers"
        self.staged = folder / "restore.sqlite3"
        self.backup = folder / "restore.tar"
        self.wake_stamp = folder / "woken"
        self.restored_mark = folder / "restored"
        self._lock = lock

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Make the folder if it is missing, lock it, and empty what uploads left in it.

        Raises:
            FailedPrecondition: it cannot be written, or another service has it.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is the family's alone
            lock = (folder / "lock").open("w")
        except OSError as error:
            raise FailedPrecondition(
                "DATA_FOLDER_NOT_WRITABLE",
                zh=f"数据文件夹不能写入（{error.strerror}），请检查权限或修改设置 SOUTU_SEARCH_DATA_FOLDER",
                en=f"the data folder cannot be written ({error.strerror}); check its permissions or set SOUTU_SEARCH_DATA_FOLDER",
            ) from error
        try:
            _lock(lock)
        except OSError as error:
            lock.close()
            raise FailedPrecondition(
                "DATA_FOLDER_IN_USE",
                zh="另一个搜索服务正在使用这个数据文件夹，请先停止它，或修改设置 SOUTU_SEARCH_DATA_FOLDER",
                en="another search service uses this data folder; stop it first, or set SOUTU_SEARCH_DATA_FOLDER",
            ) from error
        for left in ("uploads", "transfers"):  # only now: until here they may be another service's
            shutil.rmtree(folder / left, ignore_errors=True)
        return cls(folder, lock)

    def leftovers(self) -> list[Path]:
        """List files that only something that was interrupted leaves behind."""
        return [*self.catalog.parent.glob(f"*{ASIDE_SUFFIX}"), *self.spool.glob("*")]

    def close(self) -> None:
        """Give the folder back."""
        self._lock.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        """Lock a file until it is closed or the process ends, however it ends."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
