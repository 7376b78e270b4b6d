"""All files of a folder or an archive, sidecars included."""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from soutu_client._naming import readable
from soutu_client._readable import Opener, Readable
from soutu_client._walk import is_ignored_folder

__all__ = ["ListedFile", "Listing", "is_archive", "list_path"]

_MOST_SIDECAR_BYTES = 4 << 20
_IS_UTF8 = 0x800
_IS_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""As all who hand photos out pack them. What zipfile unpacks of the others has no bound: one read may take all memory."""
_MOST_NAME_CHARACTERS = 255
"""No file system has a longer name."""
_DAMAGES = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
"""What zipfile raises at what is broken; ValueError: a name that says it is UTF-8, and is not."""


@dataclass(frozen=True)
class ListedFile:
    """A file that was found.

    Attributes:
        path: Where it is; below the archive's own path if it lies in one.
        parts: Names of what was listed, the folders below and the file, as text.
        size_bytes: Size.
        modified_ns: When it was last written, in nanoseconds since 1970.
        opened: Opens it, where it lies in an archive.
    """

    path: Path
    parts: tuple[str, ...]
    size_bytes: int
    modified_ns: int
    opened: Opener | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def folder(self) -> tuple[str, ...]:
        """Names of the folders that it lies in, what was listed first."""
        return self.parts[:-1]

    def read_small(self, *, most_bytes: int = _MOST_SIDECAR_BYTES) -> bytes:
        """Read a sidecar.

        Raises:
            OSError: It cannot be read, or is far too large for one.
        """
        if self.size_bytes > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        with self._open() as file:
            return file.read(most_bytes)

    def begins_with(self, first: bytes) -> bool:
        """Whether its first bytes are these.

        Raises:
            OSError: It cannot be read.
        """
        with self._open() as file:
            return file.read(len(first)) == first

    def _open(self) -> Readable:
        return self.opened() if self.opened else self.path.open("rb")


@dataclass
class Listing:
    """What was found below some paths, and what could not be looked at."""

    files: list[ListedFile] = field(default_factory=list)
    problems: list[tuple[Path, OSError]] = field(default_factory=list)
    archives: list[zipfile.ZipFile] = field(default_factory=list)

    def close(self) -> None:
        """Close the archives: what lies in them cannot be read any more."""
        for archive in self.archives:
            archive.close()


def list_path(path: Path, into: Listing) -> None:
    """List all files at or below a path, the members of an archive too. Links to folders are not followed."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            _list_folder(path, into)
        elif is_archive(path):
            _list_archive(path, into)
        else:
            into.files.append(ListedFile(path, (readable(path.name),), status.st_size, status.st_mtime_ns))
    except OSError as error:
        into.problems.append((path, error))


def is_archive(path: Path) -> bool:
    """Whether a file is a zip by its name and its content."""
    return path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)


def _list_folder(folder: Path, into: Listing) -> None:
    top = readable(Path(os.path.abspath(folder)).name)  # noqa: PTH100 - normalises "..", which pathlib does not
    waiting: list[tuple[Path, tuple[str, ...]]] = [(folder, (top,) if top else ())]
    while waiting:
        current, parts = waiting.pop()
        folders = []
        try:
            with os.scandir(current) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            into.problems.append((current, error))
            continue
        for entry in ordered:
            path, named = current / entry.name, (*parts, readable(entry.name))
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_ignored_folder(entry.name):
                        folders.append((path, named))
                elif stat.S_ISREG((status := entry.stat()).st_mode):
                    into.files.append(ListedFile(path, named, status.st_size, status.st_mtime_ns))
            except OSError as error:
                into.problems.append((path, error))
        waiting.extend(reversed(folders))


def _list_archive(path: Path, into: Listing) -> None:
    try:
        archive = zipfile.ZipFile(path)  # the listing closes it
    except _DAMAGES as error:
        raise _damaged() from error
    into.archives.append(archive)
    lock = threading.Lock()
    for member in archive.infolist():
        parts = tuple(part for part in _member_name(member).replace("\\", "/").split("/") if part not in ("", "."))
        if member.is_dir() or not parts or ".." in parts or any(is_ignored_folder(part) for part in parts[:-1]):
            continue
        if any(len(part) > _MOST_NAME_CHARACTERS for part in parts):
            into.problems.append((path, OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))))
            continue
        into.files.append(
            ListedFile(
                path.joinpath(*parts),
                (readable(path.stem), *parts),
                member.file_size,
                _modified_ns(member),
                opened=_Opening(archive, member, lock),
            )
        )


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; programs that do not say that it is UTF-8 write that or GBK all the same."""
    name = member.filename
    if not member.flag_bits & _IS_UTF8:
        with suppress(UnicodeEncodeError):
            name = os.fsdecode(name.encode("cp437"))
    return readable(name)


def _modified_ns(member: zipfile.ZipInfo) -> int:
    """Archives tell the time on the clock of wherever they were made; that of this machine is the best guess."""
    try:
        moment = datetime(*member.date_time).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return 0
    return int(moment.timestamp()) * 1_000_000_000


def _damaged() -> OSError:
    return OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))


@dataclass(frozen=True)
class _Opening:
    """Opens a member of an archive; several can be read at a time. The lock is the archive's: it counts who has it open."""

    archive: zipfile.ZipFile
    member: zipfile.ZipInfo
    lock: threading.Lock

    def __call__(self) -> Readable:
        if self.member.flag_bits & _IS_ENCRYPTED or self.member.compress_type not in _METHODS:
            raise _damaged()
        try:
            with self.lock:
                return _Member(self.archive.open(self.member), self.lock)
        except _DAMAGES as error:
            raise _damaged() from error


class _Member:
    """An open member, whose damages are ``OSError``."""

    def __init__(self, file: IO[bytes], lock: threading.Lock) -> None:
        self._file = file
        self._lock = lock

    def read(self, size: int = -1, /) -> bytes:
        try:
            data: bytes = self._file.read(size)
        except _DAMAGES as error:
            raise _damaged() from error
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        with self._lock:
            self._file.close()
