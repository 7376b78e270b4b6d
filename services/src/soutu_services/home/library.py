"""The folder that a library lives in: its layout, its lock, what the home remembers, the keys of its store."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, ValidationError

from soutu_services.home.paths import expanded, stored_path, written_path
from soutu_services.home.problem import HomeProblem

__all__ = ["BUCKETS", "InPlaceFolder", "Library", "StoreKey"]

BUCKETS = ("soutu-photos", "soutu-thumbnails", "soutu-recycle")
"""Folders of the store that exist from the start: a bucket is a folder there."""

_BYTES_PER_MIB = 1 << 20


class InPlaceFolder(BaseModel):
    """A folder of photos that is served where it lies. ``name`` is both the source's and the bucket's."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    name: str
    path: Annotated[str, PlainValidator(stored_path), PlainSerializer(written_path)]


class _Memory(BaseModel):
    """What the home remembers of a library, in ``home.json``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    welcomed: bool = False
    in_place: tuple[InPlaceFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Key of the library's S3 servers. Neither part holds a character that needs quoting."""

    access: str
    secret: str

    def __repr__(self) -> str:
        return f"StoreKey(access={self.access!r})"


class Library:
    """A library folder that this process alone runs.

    Attributes:
        root: The folder.
        crashed: Whether the house that ran here last did not stop in order.
    """

    def __init__(self, root: Path, lock: IO[str], *, crashed: bool) -> None:
        self.root = root
        self.crashed = crashed
        self._lock = lock

    @classmethod
    def open(cls, root: Path, *, least_free_bytes: int) -> Self:
        """Make the folder if it is not there, and lock it.

        Raises:
            HomeProblem: it cannot be made or written, another house runs on it, or its disk is full.
        """
        root = expanded(root, variable="LIBRARY=")
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is the family's alone
            for folder in ("logs", "catalog", *(f"store/{bucket}" for bucket in BUCKETS)):
                (root / folder).mkdir(parents=True, exist_ok=True)
            lock = (root / "home.lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise _cannot_be_used(root, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            process = lock.read().strip() or "?"
            lock.close()
            raise HomeProblem(
                zh=f"这个资料库已经在运行（进程 {process}）：{root}。先在那边按 Ctrl-C，或用 LIBRARY= 换一个资料库。",
                en=f"this library is running already (process {process}): {root}. "
                "Press Ctrl-C there first, or choose another one with LIBRARY=.",
            ) from error
        except OSError as error:  # a network file system without locks
            lock.close()
            raise _cannot_be_used(root, error) from error
        lock.seek(0)
        crashed = bool(lock.read().strip())
        try:
            free = shutil.disk_usage(root).free
            if free < least_free_bytes:
                raise HomeProblem(
                    zh=f"磁盘空间不足：{root} 只剩 {free // _BYTES_PER_MIB} MiB，"
                    f"至少需要 {least_free_bytes // _BYTES_PER_MIB} MiB。请清理磁盘，或用 LIBRARY= 换一个位置。",
                    en=f"no disk space: {free // _BYTES_PER_MIB} MiB left at {root}, at least "
                    f"{least_free_bytes // _BYTES_PER_MIB} MiB are needed. Free some, or choose another place with LIBRARY=.",
                )
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        except OSError as error:
            lock.close()
            raise _cannot_be_used(root, error) from error
        except HomeProblem:
            lock.close()
            raise
        return cls(root, lock, crashed=crashed)

    def close(self) -> None:
        """Say that the house stopped in order, and unlock."""
        if not self._lock.closed:
            self._lock.truncate(0)
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def store(self) -> Path:
        """Folder that the S3 server serves; the folders in it are buckets."""
        return self.root / "store"

    @property
    def catalog(self) -> Path:
        """Folder of the search service's catalog."""
        return self.root / "catalog"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        """Folder of what can always be deleted."""
        return self.root / "cache"

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was ever added here by the home."""
        return not self._memory().welcomed

    def remember_welcome(self) -> None:
        """Remember that the first photos were added.

        Raises:
            HomeProblem: it cannot be written down.
        """
        self._remember(self._memory().model_copy(update={"welcomed": True}))

    @property
    def in_place_folders(self) -> tuple[InPlaceFolder, ...]:
        """Folders that are served where they lie, in the order they were given."""
        return self._memory().in_place

    def add_in_place(self, path: Path) -> InPlaceFolder:
        """Remember a folder to be served where it lies; a folder that is known keeps its name.

        Raises:
            HomeProblem: it cannot be written down.
        """
        resolved = str(path.resolve())
        known = self.in_place_folders
        for folder in known:
            if folder.path == resolved:
                return folder
        folder = InPlaceFolder(name=f"folder-{len(known) + 1}", path=resolved)
        self._remember(self._memory().model_copy(update={"in_place": (*known, folder)}))
        return folder

    def store_key(self) -> StoreKey:
        """Return the key of the library's S3 servers; it is made at the first call and readable by its owner alone.

        Raises:
            HomeProblem: it is damaged, or cannot be read or written.
        """
        path = self.root / "store.key"
        if not path.exists():
            key = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
            self._write(path, key)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return StoreKey(access=str(stored["access_key"]), secret=str(stored["secret_key"]))
        except OSError as error:
            raise _cannot_be_used(self.root, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise HomeProblem(
                zh=f"密钥文件已损坏：{path}。删除它再启动，会生成新的。",
                en=f"the key file is damaged: {path}. Delete it and start again to have a new one made.",
            ) from error

    def _memory(self) -> _Memory:
        path = self.root / "home.json"
        try:
            return _Memory.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _Memory()
        except OSError as error:
            raise _cannot_be_used(self.root, error) from error
        except ValidationError as error:
            raise HomeProblem(
                zh=f"文件已损坏：{path}。删除它再启动；照片不受影响，就地使用的文件夹要重新指定。",
                en=f"the file is damaged: {path}. Delete it and start again; no photo is lost, but folders "
                "that are used in place have to be named again.",
            ) from error

    def _remember(self, memory: _Memory) -> None:
        self._write(self.root / "home.json", memory.model_dump(mode="json"))

    def _write(self, path: Path, content: object) -> None:
        try:
            _replace(path, json.dumps(content, ensure_ascii=False, indent=1))
        except OSError as error:
            raise _cannot_be_used(self.root, error) from error


def _replace(path: Path, content: str) -> None:
    """Write a small private file aside, then put it in place."""
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cannot_be_used(root: Path, error: OSError) -> HomeProblem:
    if error.errno == errno.ENOSPC:
        return HomeProblem(
            zh=f"磁盘已满：{root}。请清理磁盘，或用 LIBRARY= 换一个位置。",
            en=f"the disk is full: {root}. Free some space, or choose another place with LIBRARY=.",
        )
    return HomeProblem(
        zh=f"资料库文件夹不能用：{root}（{error.strerror}）。请检查权限，或用 LIBRARY= 换一个文件夹。",
        en=f"the library folder cannot be used: {root} ({error.strerror}). Check it, or choose another with LIBRARY=.",
    )
