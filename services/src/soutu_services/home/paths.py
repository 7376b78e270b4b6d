"""Paths as people write them and as the home keeps them: any bytes that the file system allows, also such as are no UTF-8.

Python holds bytes that are no UTF-8 as lone surrogates (PEP 383), which neither JSON nor UTF-8 can express.
"""

from __future__ import annotations

import os
from pathlib import Path

from soutu_services.home.problem import HomeProblem

__all__ = ["expanded", "given_path", "stored_path", "written_path"]

_HEX = "hex:"
"""Before the hexadecimal digits of a path that is no UTF-8. The other stored paths begin with "/"."""


def given_path(value: object) -> Path:
    """Take a path of the environment as it is: pydantic's own check refuses what is no UTF-8.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str | Path):
        raise ValueError("a path is wanted")
    return Path(value)


def expanded(path: Path, *, variable: str) -> Path:
    """Return the absolute path that a person means, ``~`` resolved.

    Args:
        path: As it was written.
        variable: Where, for the message.

    Raises:
        HomeProblem: it begins with the home of a person who is not known here.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise HomeProblem(
            zh=f"找不到 {path.parts[0]} 这个用户的主目录。请检查 {variable} 后面的路径。",
            en=f"there is no home folder {path.parts[0]}. Check the path after {variable}",
        ) from error


def written_path(path: str) -> str:
    """Return a path as JSON can hold it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return _HEX + os.fsencode(path).hex()
    return path


def stored_path(value: object) -> str:
    """Read what ``written_path`` wrote, or a path itself.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, str):
        raise ValueError("a path is wanted")
    return os.fsdecode(bytes.fromhex(value.removeprefix(_HEX))) if value.startswith(_HEX) else value
