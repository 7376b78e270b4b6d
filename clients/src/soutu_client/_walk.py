"""Which files a person means when they add a path."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soutu_client._naming import library_name
from soutu_client._readable import Opener

__all__ = ["FoundFile", "Walk", "is_ignored_file", "is_ignored_folder", "walk", "walk_part"]

_NO_PHOTOS = frozenset(
    ending
    for some in (
        # Sound, and videos that are not read.
        ".vob .ts .rm .rmvb .ogv .insv .lrv",
        ".mp3 .m4a .aac .wav .flac .ogg .opus .wma .amr",
        # What programs leave beside photos.
        ".json .xmp .aae .thm .ini .db .db-wal .db-shm .sqlite .lrcat .lrprev .log .lnk .url .bak",
        # Names that programs give a file while they write it.
        ".tmp .temp .part .partial .filepart .tacitpart .crdownload .download",
        # Writing, archives, programs.
        ".txt .md .csv .tsv .xml .html .htm .css .js .py .pdf .doc .docx .xls .xlsx .ppt .pptx .odt .ods .odp .rtf .epub .srt",
        ".zip .rar .7z .tar .gz .tgz .bz2 .xz .zst .iso .dmg .exe .msi .apk .dll .so .bin .sh .bat .yaml .yml .toml",
    )
    for ending in some.split()
)

_NO_PHOTO_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})

# What NAS systems, Windows and macOS keep for themselves.
_NO_PHOTO_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@recycle", "@tmp", "$recycle.bin", "system volume information", "lost+found", "__macosx"}
)


@dataclass(frozen=True)
class FoundFile:
    """A file to add.

    Attributes:
        path: Where it is.
        name: Its name in the library.
        size_bytes: When it was found.
        modified_ns: When it was last written, in nanoseconds since 1970, as it was found.
        opened: Opens it, where it is no file of its own but lies in an archive.
    """

    path: Path
    name: str
    size_bytes: int
    modified_ns: int
    opened: Opener | None = None


@dataclass
class Walk:
    """What was found: files by name, what is no photo by extension, and what could not be looked at."""

    files: list[FoundFile] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[Path, OSError]] = field(default_factory=list)


def walk(paths: Iterable[Path]) -> Walk:
    """Find the files below some paths, in the order of their names, each once.

    Hidden files and obvious non-photos are ignored and counted; the service decides about the rest. Hidden folders and those
    that systems keep for themselves are not entered, and what is in them is not counted. Links to files are followed; links to
    folders and special files (pipes, devices) are ignored, so that a walk always ends. A path that a person named is added even
    if it is hidden or a link.
    """
    found = Walk()
    seen: set[Path] = set()
    for added in paths:
        try:
            status = added.stat()
        except OSError as error:
            found.problems.append((added, error))
            continue
        if stat.S_ISDIR(status.st_mode):
            _walk_folder(added, added, found, seen)
        elif not stat.S_ISREG(status.st_mode):
            found.ignored[""] += 1
        else:
            _take(added, added, status, found, seen)
    return found


def walk_part(path: Path, *, added: Path) -> Walk:
    """Find what ``walk`` would find at or below a path that is below an added folder, under the same names."""
    found = Walk()
    folders = path.relative_to(added).parts[:-1]
    if any(is_ignored_folder(folder) for folder in folders) or any((added / folder).is_symlink() for folder in _chain(folders)):
        return found
    try:
        status = path.stat() if path == added else path.lstat()
        if stat.S_ISDIR(status.st_mode):
            if path == added or not is_ignored_folder(path.name):
                _walk_folder(path, added, found, set())
        elif not is_ignored_file(path.name) and stat.S_ISREG((status := path.stat()).st_mode):
            _take(path, added, status, found, set())
    except OSError as error:
        found.problems.append((path, error))
    return found


def _chain(folders: Sequence[str]) -> Iterator[Path]:
    """Yield ``a``, ``a/b``, ``a/b/c``."""
    for number in range(1, len(folders) + 1):
        yield Path(*folders[:number])


def _walk_folder(folder: Path, added: Path, found: Walk, seen: set[Path]) -> None:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        folders = []
        try:
            with os.scandir(current) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append((current, error))
            continue
        for entry in ordered:
            path = current / entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_ignored_folder(entry.name):
                        folders.append(path)
                elif is_ignored_file(entry.name) or not stat.S_ISREG((status := entry.stat()).st_mode):
                    found.ignored[path.suffix.lower()] += 1
                else:
                    _take(path, added, status, found, seen)
            except OSError as error:
                found.problems.append((path, error))
        waiting.extend(reversed(folders))


def _take(path: Path, added: Path, status: os.stat_result, found: Walk, seen: set[Path]) -> None:
    """Take a file, unless it was reached by another of the paths before."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - normalises ".." and follows no link
    if whole not in seen:
        seen.add(whole)
        name = library_name(path, added=added)
        found.files.append(FoundFile(path=path, name=name, size_bytes=status.st_size, modified_ns=status.st_mtime_ns))


def is_ignored_folder(name: str) -> bool:
    """Whether a folder of this name is not entered."""
    return name.startswith(".") or name.lower() in _NO_PHOTO_FOLDERS


def is_ignored_file(name: str) -> bool:
    """Whether a file of this name is hidden, or obviously neither a photo nor a video."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return name.startswith(".") or name.lower() in _NO_PHOTO_FILES or ending in _NO_PHOTOS
