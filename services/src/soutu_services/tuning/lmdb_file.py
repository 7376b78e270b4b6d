"""Opening LMDB environments: the only importer of ``lmdb``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from soutu_services.runtime.errors import DataLoss

__all__ = ["open_environments_once", "open_for_reading", "open_for_writing", "unreadable_lmdb"]

_FILE = "data.mdb"
_MAP_BYTES = 1 << 40
"""Room that may be used, as cn_clip has it: address space, not disk."""


@contextmanager
def open_for_reading(path: Path) -> Iterator[Any]:
    """Open a database read-only, and give a transaction.

    Raises:
        DataLoss: it is damaged, or of a version of LMDB that is not read.
    """
    try:
        environment = lmdb.open(str(path), readonly=True, create=False, lock=False, readahead=False)
    except lmdb.Error as error:
        raise unreadable_lmdb(path, str(error)) from error
    try:
        pages, page_bytes = environment.info()["last_pgno"] + 1, environment.stat()["psize"]
        if (path / _FILE).stat().st_size < pages * page_bytes:  # to read behind the end of a mapped file kills the program
            raise unreadable_lmdb(path, "half of it is missing")
        with environment.begin() as rows:
            yield rows
    except lmdb.Error as error:
        raise unreadable_lmdb(path, str(error)) from error
    finally:
        environment.close()


@contextmanager
def open_for_writing(path: Path, *, databases: int = 0, lasting: bool = True) -> Iterator[Any]:
    """Open an environment, made if it is not there.

    Args:
        path: Its folder.
        databases: How many named ones it may hold.
        lasting: What is committed is on the disk; without, it is quick, and for files that nobody needs after a power cut.

    Raises:
        DataLoss: it is damaged.
    """
    try:
        environment = lmdb.open(str(path), map_size=_MAP_BYTES, max_dbs=databases, sync=lasting)
    except lmdb.Error as error:
        raise unreadable_lmdb(path, str(error)) from error
    try:
        yield environment
    finally:
        environment.close()


def open_environments_once() -> None:
    """Let ``lmdb.open`` give an environment that this process has open again, from now on, and keep it open.

    cn_clip's training opens its data anew for each epoch while it still holds those of the last, which lmdb refuses since 1.5
    and cn_clip's own version, 1.3, did not.
    """
    opened: dict[str, _Shared] = {}
    really_open = lmdb.open

    def open_once(path: str, **options: Any) -> _Shared:
        if path not in opened:
            opened[path] = _Shared(really_open(path, **options))
        return opened[path]

    lmdb.open = open_once  # type: ignore[assignment]


class _Shared:
    """An environment that stays open."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def begin(self, **options: Any) -> Any:
        """Begin a transaction."""
        return self._environment.begin(**options)

    def close(self) -> None:
        """Do nothing: others use it."""


def unreadable_lmdb(path: Path, reason: str) -> DataLoss:
    """Say that a database cannot be read."""
    return DataLoss(
        "LMDB_UNREADABLE",
        zh=f"{path} 不是 cn_clip 所用 0.9 版 LMDB 的数据，或已损坏（{reason}）：请从 TSV 和 JSONL 重新生成",
        en=f"{path} is not cn_clip's data in an LMDB of version 0.9, or is damaged ({reason}): build it again from TSV and JSONL",
    )
