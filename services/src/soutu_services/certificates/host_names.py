"""Names and addresses that machines are reached by, as people write them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from soutu_services.runtime.errors import InvalidInput

__all__ = ["LOCAL_NAMES", "folder_name", "machine_names"]

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""What each machine calls itself; every certificate holds them, so that a machine's own parts reach each other."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MOST_CHARACTERS = 253


def machine_names(text: str) -> tuple[str, ...]:
    """Read all names of one machine, with commas between them: ``nas.local,192.168.1.5``.

    Returns:
        DNS names in their ASCII form (RFC 5890) and lower case, and IP addresses in their shortest form; each once.

    Raises:
        InvalidInput: one is neither a name nor an address.
    """
    names = [_name(part.strip()) for part in text.split(",") if part.strip()]
    if not names:
        raise _refusal(text)
    return tuple(dict.fromkeys(names))


def folder_name(names: Sequence[str]) -> str:
    """Return the folder of a machine: its first name, without what a file system might not take."""
    return names[0].replace(":", "-")


def _name(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        name = text.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _refusal(text) from None
    labels = name.split(".")
    is_mistyped_address = all(label.isdigit() for label in labels)  # 192.168.1.500
    if len(name) > _MOST_CHARACTERS or is_mistyped_address or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refusal(text)
    return name


def _refusal(text: str) -> InvalidInput:
    shown = text[:100]
    return InvalidInput(
        "BAD_HOST",
        zh=f"“{shown}”不是机器的名字或地址：请写成 nas.local 或 192.168.1.5，不带 http:// 和端口",
        en=f'"{shown}" is no name or address of a machine: write nas.local or 192.168.1.5, without http:// and port',
    )
