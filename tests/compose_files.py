"""Compose files as docker compose reads them: variables put in, ``extends`` and merge keys resolved, profiles chosen."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<kind>:?[-?])(?P<rest>[^}]*))?\})")
_SETTING = re.compile(r"(?:# )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


@dataclass(frozen=True)
class Mount:
    """``source`` is a volume's name or a path, empty for a tmpfs."""

    source: str
    target: str
    is_read_only: bool


@dataclass(frozen=True)
class Service:
    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    ports: dict[str, int]
    """What is published, as it is written, and the container's port."""
    mounts: list[Mount]
    waits_for: dict[str, str]
    raw: dict[str, Any]


def settings_of(example: Path = DEPLOY / ".env.example", *, commented: bool = False) -> dict[str, str]:
    """Return what a ``.env`` file sets; with ``commented``, what its commented lines would set instead."""
    found = {}
    for line in example.read_text(encoding="utf-8").splitlines():
        match = _SETTING.fullmatch(line)
        if match and line.startswith("#") == commented:
            found[match["name"]] = match["value"]
    return found


def variables_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield each variable of a compose file and its default."""
    for match in _VARIABLE.finditer(text):
        if match["name"]:
            yield match["name"], match["rest"] if match["kind"] else ""


def services_of(file: Path, variables: Mapping[str, str], *, profiles: frozenset[str] = frozenset()) -> dict[str, Service]:
    """Read a compose file; a service whose profile was not asked for is left out."""
    found = {}
    for name, raw in _resolved(file, variables)["services"].items():
        wanted = set(raw.get("profiles", ()))
        if not wanted or wanted & profiles:
            found[name] = _service(name, raw)
    return found


def _resolved(file: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    read: dict[str, Any] = _interpolated(yaml.safe_load(file.read_text(encoding="utf-8")), variables)
    for name, raw in read["services"].items():
        extended = raw.pop("extends", None)
        if extended:
            base = _resolved(file.parent / extended["file"], variables)["services"][extended["service"]]
            read["services"][name] = _merged(base, raw)
    return read


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, variables) for each in value]
    return _VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if not match["name"]:
        return "$"
    given = variables.get(match["name"])
    if match["kind"] and (given is None or (match["kind"].startswith(":") and not given)):
        assert "?" not in match["kind"], match["rest"]
        return match["rest"]
    return given or ""


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        keys = base | over
        return {key: _merged(base[key], over[key]) if key in base and key in over else copy.deepcopy(keys[key]) for key in keys}
    return over


def _service(name: str, raw: dict[str, Any]) -> Service:
    test = raw.get("healthcheck", {}).get("test", ["NONE"])
    published = (each.rsplit(":", 1) for each in raw.get("ports", ()))
    return Service(
        name=name,
        image=raw["image"],
        command=list(raw.get("command", ())),
        environment={key: str(value) for key, value in raw.get("environment", {}).items()},
        health=list(test[1:]) if test[0] == "CMD" else [],
        ports={outside: int(inside) for outside, inside in published},
        mounts=[
            *map(_mount, raw.get("volumes", ())),
            *(Mount("", each.partition(":")[0], False) for each in raw.get("tmpfs", ())),
        ],
        waits_for={other: how["condition"] for other, how in raw.get("depends_on", {}).items()},
        raw=raw,
    )


def _mount(written: Any) -> Mount:
    if isinstance(written, dict):
        return Mount(written["source"], written["target"], bool(written.get("read_only")))
    source, target, *options = written.split(":")
    return Mount(source, target, "ro" in options)
