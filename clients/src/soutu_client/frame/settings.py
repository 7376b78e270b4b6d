"""Settings of the frame: the environment, and where it says nothing a TOML file.

Plain values, since pydantic takes more memory than all of them are worth on a small Pi.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from soutu_client._language import Language
from soutu_client._os_errors import describe_os_error
from soutu_client._user_folders import cache_folder, config_folder
from soutu_client.frame.actions import Action
from soutu_client.frame.hours import Hours
from soutu_client.frame.text_catalogue import say

__all__ = ["CONFIG_VARIABLE", "BadSettingError", "FrameSettings"]

PREFIX = "SOUTU_FRAME_"
CONFIG_VARIABLE = "SOUTU_FRAME_CONFIG"
"""The TOML file; else ``frame.toml`` in the folder of settings, if it is there."""

_LINES = ("caption", "date", "place")
_NONE = "none"
_QUERIES = ("随机", "去年的今天", "收藏", "最新")
_MOST_QUERIES = 50
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")


class BadSettingError(ValueError):
    """A setting is not right; the message is one line for people."""


class _WrongError(ValueError):
    """Key of a text, and what is filled in."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, values


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            number = float(value) if not isinstance(value, bool) else -1e300
        except (TypeError, ValueError):
            number = -1e300
        if not least <= number <= most:
            raise _WrongError("settings.number", least=f"{least:g}", most=f"{most:g}")
        return number

    return read


def _whole(least: int, most: int) -> Callable[[Any], int]:
    read = _number(least, most)
    return lambda value: int(read(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("settings.text")
    return value.strip()


def _path(value: Any) -> Path | None:
    text = _text(value)
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:  # "~" and nobody's name
        raise _WrongError("settings.text") from None


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise _WrongError("settings.choice", choices=", ".join(choices))
        return str(value)

    return read


def _listed(value: Any) -> tuple[str, ...]:
    """Read a list of a TOML file, or a text with semicolons."""
    items = re.split("[;；\n]", value) if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(each, str) for each in items) or len(items) > _MOST_QUERIES:
        raise _WrongError("settings.queries")
    return tuple(each.strip() for each in items if each.strip())


def _lines(value: Any) -> frozenset[str]:
    if value == _NONE:
        return frozenset()
    chosen = frozenset(_listed(value.replace(",", ";") if isinstance(value, str) else value))
    if not chosen <= set(_LINES):
        raise _WrongError("settings.choice", choices=", ".join((*_LINES, _NONE)))
    return chosen


def _size(value: Any) -> tuple[int, int] | None:
    text = _text(value).lower().replace("×", "x")
    if not text:
        return None
    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if found is None or not all(160 <= int(each) <= 8192 for each in found.groups()):
        raise _WrongError("settings.size")
    return int(found[1]), int(found[2])


def _hours(value: Any) -> Hours | None:
    try:
        return Hours.read(_text(value)) if value else None
    except ValueError:
        raise _WrongError("settings.hours") from None


def _listen(value: Any) -> tuple[str, int] | None:
    """Read ``host:port``."""
    text = _text(value)
    if text in ("", _NONE):
        return None
    found = _LISTEN.fullmatch(text)
    if found is None or int(found[2]) > 65535:
        raise _WrongError("settings.listen")
    return found[1].strip("[]"), int(found[2])


def _pins(value: Any) -> Mapping[Action, int]:
    chosen: dict[Action, int] = {}
    if isinstance(value, dict):
        value = ",".join(f"{name}={pin}" for name, pin in value.items())
    for part in filter(None, (each.strip() for each in _text(value).split(","))):
        found = re.fullmatch(r"(next|previous|like|pause|search|caption)\s*=\s*(\d{1,2})", part)
        if found is None or int(found[2]) > 27 or int(found[2]) in chosen.values():
            raise _WrongError("settings.pins")
        chosen[Action(found[1])] = int(found[2])
    return chosen


_READ: Mapping[str, Callable[[Any], Any]] = {
    "address": _text,
    "authority": _path,
    "token_file": _path,
    "queries": _listed,
    "interval_seconds": _number(0.1, 86400),
    "fade_seconds": _number(0, 10),
    "show": _lines,
    "background": _one_of("blur", "plain"),
    "size": _size,
    "font": _path,
    "cache_folder": _path,
    "cache_bytes": _whole(0, 1 << 50),
    "night": _hours,
    "night_brightness": _number(0, 1),
    "listen": _listen,
    "page_url": _text,
    "refresh_seconds": _number(1, 1e7),
    "most": _whole(1, 2000),
    "log_level": _one_of("info", "debug"),
    "buttons": _pins,
}


@dataclass(frozen=True)
class FrameSettings:
    """Everything the frame can be told.

    Attributes:
        address: ``host:port`` of the search service; empty: as ``Client`` finds it.
        authority: File of the home's authority; None: as ``Client`` finds it.
        token_file: File that holds the token; None: as ``Client`` finds it.
        queries: What can be chosen on the screen; the first is shown at the start.
        interval_seconds: How long a photo is shown.
        fade_seconds: How long one photo gives way to the next; 0: at once.
        show: Which lines of text: ``caption``, ``date``, ``place``; or ``none``.
        background: What is around a photo of another shape than the screen: ``blur`` or ``plain``.
        size: Pixels of a window; None: the whole screen.
        font: File of a font; None: one of the system's.
        cache_folder: Where photos are kept; None: with the user's caches.
        cache_bytes: How much of the disk they may take.
        night: Hours in which the screen is dimmed; None: never.
        night_brightness: How bright it is then, 0 (black, and photos do not change) to 1.
        listen: Host and port of the page for phones; ``none``: there is none.
        page_url: Address of the home's web page, whose code is shown where the frame's own page is for this machine alone.
        buttons: GPIO pins (BCM) of buttons.
        refresh_seconds: How often the service is asked for a query's photos again.
        most: Photos of a query.
        log_level: ``info``, or ``debug``: a line for each photo that is shown.
    """

    address: str = ""
    authority: Path | None = None
    token_file: Path | None = None
    queries: tuple[str, ...] = _QUERIES
    interval_seconds: float = 20.0
    fade_seconds: float = 0.8
    show: frozenset[str] = frozenset(_LINES)
    background: str = "blur"
    size: tuple[int, int] | None = None
    font: Path | None = None
    cache_folder: Path | None = None
    cache_bytes: int = 512 << 20
    night: Hours | None = None
    night_brightness: float = 0.15
    listen: tuple[str, int] | None = ("127.0.0.1", 8405)
    page_url: str = ""
    buttons: Mapping[Action, int] = field(default_factory=dict)
    refresh_seconds: float = 3600.0
    most: int = 200
    log_level: str = "info"

    @classmethod
    def load(cls, environment: Mapping[str, str], language: Language) -> Self:
        """Read the settings.

        Raises:
            BadSettingError: One of them is not right.
        """
        written = _file(environment, language)
        values: dict[str, Any] = {}
        for each in fields(cls):
            variable = PREFIX + each.name.upper()
            given: Any = environment.get(variable) or None
            name = variable
            if given is None and each.name in written:
                given, name = written[each.name], each.name
            if given is None:
                continue
            try:
                values[each.name] = _READ[each.name](given)
            except _WrongError as error:
                why = say(language, error.key, **error.values)
                raise BadSettingError(say(language, "settings.bad", name=name, why=why)) from None
        for name in written:
            if name not in {each.name for each in fields(cls)}:
                why = say(language, "settings.unknown")
                raise BadSettingError(say(language, "settings.bad", name=name, why=why))
        if values.get("queries") == ():
            del values["queries"]
        return cls(**values)

    def cache_in(self, environment: Mapping[str, str]) -> Path:
        """Return the folder of the cache.

        Raises:
            FileNotFoundError: This user has no home, and no folder is given.
        """
        return self.cache_folder or cache_folder(environment) / "frame"


def _file(environment: Mapping[str, str], language: Language) -> dict[str, Any]:
    named = environment.get(CONFIG_VARIABLE, "")
    try:
        path = (_path(named) if named else None) or config_folder(environment) / "frame.toml"
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not named:
            return {}
        why = describe_os_error(error, language)
    except OSError as error:
        why = describe_os_error(error, language)
    except _WrongError as error:
        why = say(language, error.key)
    except ValueError as error:  # TOML and UTF-8 alike
        why = str(error).splitlines()[0][:200]
    raise BadSettingError(say(language, "settings.file", path=named or "frame.toml", why=why))
