"""Where a person's computer keeps what belongs to soutu: settings, what it remembers, and what may be deleted at any time."""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from soutu_client._folder_flush import flush_folder

__all__ = ["cache_folder", "config_folder", "private_folder", "state_folder", "write_private"]

_NAME = "soutu"


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of settings (XDG Base Directory Specification 0.8; on Windows ``APPDATA``). It may not exist.

    Raises:
        FileNotFoundError: This user has no home, as some services have none.
    """
    return _folder("XDG_CONFIG_HOME", ".config", environment)


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what is remembered between runs; see ``config_folder``."""
    return _folder("XDG_STATE_HOME", ".local/state", environment)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what can be fetched again; see ``config_folder``."""
    return _folder("XDG_CACHE_HOME", ".cache", environment)


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner can read, if it is not there, and return it.

    Raises:
        OSError: It cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, content: str, *, is_lasting: bool = True) -> None:
    """Write a file that only its owner can read: whole or not at all, whoever could read the one before.

    Args:
        path: The file; its folder is made.
        content: What it shall hold.
        is_lasting: Whether it must outlast a power cut from now on, which takes time.

    Raises:
        OSError: It cannot be written.
    """
    private_folder(path.parent)
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            if is_lasting:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    if is_lasting:
        flush_folder(path.parent)


def _folder(variable: str, default: str, environment: Mapping[str, str]) -> Path:
    given = environment.get(variable, "")
    if os.path.isabs(given):  # noqa: PTH117 - the specification has relative ones ignored
        return Path(given, _NAME)
    if sys.platform == "win32" and environment.get("APPDATA"):
        return Path(environment["APPDATA"], _NAME, Path(default).name.lstrip("."))
    try:
        return Path.home() / default / _NAME
    except RuntimeError as error:
        raise FileNotFoundError(errno.ENOENT, "this user has no home folder") from error
