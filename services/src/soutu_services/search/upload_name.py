"""Names under which uploads are stored: a person's relative path made into a key that every file system and tool can hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from soutu_services.runtime.errors import InvalidInput

__all__ = ["MAX_NAME_BYTES", "alternative_names", "clean_name"]

MAX_NAME_BYTES = 900
"""Bytes of a name in UTF-8: S3 keys end at 1,024, and the recycle bucket puts source and photo id before it."""

_MAX_RAW_CHARACTERS = 4 * MAX_NAME_BYTES
"""Characters of a name as it comes, decomposed and with what vanishes: Unicode normalisation takes long for long texts."""

_MAX_PART_BYTES = 240
"""Bytes of one folder's or file's name: file systems end at 255, and a number may have to be added."""

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
"""Invisible characters that scripts and emoji need."""

_DRIVE = re.compile(r"\s*[A-Za-z]:")


def clean_name(name: str) -> str:
    """Make a client's relative path into a key.

    Backslashes count as slashes; empty parts and "." vanish, and so do control and direction characters; the result is in Unicode
    NFC, so that macOS and Windows give the same key.

    Raises:
        InvalidInput: empty, absolute, with "..", or too long.
    """
    if len(name) > _MAX_RAW_CHARACTERS:
        raise _too_long()
    visible = (char for char in name if unicodedata.category(char) not in _INVISIBLE_CATEGORIES or char in _JOINERS)
    name = unicodedata.normalize("NFC", "".join(visible)).replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name):
        raise _refusal(zh="文件名必须是相对路径", en="the name must be a relative path")
    parts = [part.strip() for part in name.split("/")]
    parts = [part for part in parts if part not in ("", ".")]
    if not parts:
        raise _refusal(zh="文件名不能为空", en="the name must not be empty")
    if ".." in parts:
        raise _refusal(zh="文件名不能包含“..”", en='the name must not contain ".."')
    clean = "/".join(parts)
    if len(clean.encode()) > MAX_NAME_BYTES or any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise _too_long()
    return clean


def alternative_names(name: str) -> Iterator[str]:
    """Yield the name itself, then ``name (2).ext``, ``name (3).ext`` and so on up to 999."""
    yield name
    folder, slash, file_name = name.rpartition("/")
    stem, dot, extension = file_name.rpartition(".")
    if not stem:
        stem, dot, extension = file_name, "", ""
    for number in range(2, 1000):
        yield f"{folder}{slash}{stem} ({number}){dot}{extension}"


def _too_long() -> InvalidInput:
    return _refusal(zh="文件名太长, 请缩短后再试", en="the name is too long; shorten it")


def _refusal(*, zh: str, en: str) -> InvalidInput:
    return InvalidInput("BAD_NAME", zh=zh, en=en)
