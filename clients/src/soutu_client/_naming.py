"""Names of files: as the library shall know them, and as a folder can hold them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath

__all__ = ["library_name", "numbered", "readable", "safe_file_name"]

_MAX_FILE_NAME_BYTES = 200
"""File systems end at 255; a number and the ending of an unfinished file have room."""

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)


def readable(name: str) -> str:
    """Return a file name, or any word of a command line, as text in Unicode NFC.

    What is not UTF-8 comes from Python as lone surrogates; old Chinese disks and archives hold GBK, so that is tried next
    (as GB 18030), before what cannot be read is replaced.
    """
    raw = name.encode("utf-8", "surrogateescape")
    for encoding in ("utf-8", "gb18030"):
        try:
            return unicodedata.normalize("NFC", raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))


def library_name(path: Path, *, added: Path) -> str:
    """Return the name of a file below what a person added: ``旅行/青海/湖.jpg`` for a folder ``旅行``, else the file's own.

    The added folder's own name stays in, so that photos are found by it and by the filter for folders. Its leading dots go,
    since the library hides what begins with one.
    """
    base = Path(os.path.abspath(added)).name.lstrip(".")  # noqa: PTH100 - normalises "..", which pathlib does not
    relative = PurePath(base, *path.relative_to(added).parts) if path != added else PurePath(base)
    return readable(relative.as_posix())


def safe_file_name(name: str) -> str:
    """Return the last part of a name as every file system takes it: no path, no control character, no device, not too long."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = _FORBIDDEN.sub("_", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    if _RESERVED.fullmatch(stem.split(".")[0].strip()):
        stem = f"_{stem}"
    ending = ending[:20]
    room = _MAX_FILE_NAME_BYTES - len(f"{dot}{ending}".encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}{dot}{ending}" or "photo"


def numbered(name: str) -> Iterator[str]:
    """Yield the name itself, then ``name (2).ext``, ``name (3).ext`` and so on."""
    yield name
    path = PurePath(name)
    number = 2
    while True:
        yield f"{path.stem} ({number}){path.suffix}"
        number += 1
