"""Results as JSON."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from soutu_client.cli.terminal import does_something

__all__ = ["json_text"]


def json_text(value: object, *, is_line: bool = False) -> str:
    """Return a value, and the dataclasses in it, as JSON, in one line or easy to read: enumerations by name, times in ISO 8601.

    Characters that do something to a terminal are written as escapes: JSON's readers get them back.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, indent=None if is_line else 2)
    return "".join(json.dumps(char)[1:-1] if does_something(char) and char != "\n" else char for char in text)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path | Exception):
        return str(value)
    return value
