"""Options that say which photos to consider."""

from __future__ import annotations

from typing import Any

import click

from soutu_client._naming import readable
from soutu_client.cli.command import Option
from soutu_client.cli.texts import Texts
from soutu_client.cli.usage_errors import BadValue
from soutu_client.models import BoundingBox, Filter, PhotoKind

__all__ = ["filter_options", "take_filter"]

_SECTION = "help.filters"


_FORMATS = ("avif", "bmp", "gif", "heic", "jpeg", "mov", "mp4", "png", "raw", "tiff", "webp")
"""Offered by shell completion; any other can be asked for as well."""


def _complete_format(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _FORMATS if name.startswith(incomplete)]


class _Area(click.ParamType[BoundingBox]):
    """Four numbers of degrees."""

    name = "area"

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> BoundingBox:
        """Return the area."""
        try:
            south, west, north, east = (float(part) for part in str(value).replace("，", ",").split(","))
        except ValueError:
            raise BadValue(self._texts.text("error.bad_area"), ctx, param) from None
        return BoundingBox(south=south, west=west, north=north, east=east)


def filter_options(texts: Texts) -> list[click.Parameter]:
    """Return the options; ``take_filter`` makes a filter of their values."""
    return [
        Option("--from", "taken_from", metavar="DATE", default="", section=_SECTION, help=texts.text("filter.from")),
        Option("--until", "taken_until", metavar="DATE", default="", section=_SECTION, help=texts.text("filter.until")),
        Option("--folder", "folders", metavar="FOLDER", multiple=True, section=_SECTION, help=texts.text("filter.folder")),
        Option("--source", "sources", metavar="NAME", multiple=True, section=_SECTION, help=texts.text("filter.source")),
        Option("--camera", "cameras", metavar="NAME", multiple=True, section=_SECTION, help=texts.text("filter.camera")),
        Option(
            "--format",
            "formats",
            metavar="NAME",
            multiple=True,
            section=_SECTION,
            shell_complete=_complete_format,
            help=texts.text("filter.format"),
        ),
        Option(
            "--kind",
            "kinds",
            type=click.Choice(["still", "animation", "video"]),
            metavar="KIND",
            multiple=True,
            section=_SECTION,
            help=texts.text("filter.kind"),
        ),
        Option("--tag", "tags", metavar="TAG", multiple=True, section=_SECTION, help=texts.text("filter.tag")),
        Option(
            "--favourite/--not-favourite",
            "favourite",
            default=None,
            section=_SECTION,
            help=texts.text("filter.favourite"),
        ),
        Option("--album", "albums", metavar="ALBUM", multiple=True, section=_SECTION, help=texts.text("filter.album")),
        Option("--area", "area", type=_Area(texts), metavar="S,W,N,E", section=_SECTION, help=texts.text("filter.area")),
    ]


def take_filter(values: dict[str, Any]) -> Filter:
    """Take the filter's values out of a command's and return the filter."""
    lists = ("folders", "sources", "cameras", "formats", "tags", "albums")
    return Filter(
        taken_from=values.pop("taken_from"),
        taken_until=values.pop("taken_until"),
        kinds=tuple(PhotoKind[kind.upper()] for kind in values.pop("kinds")),
        favourite=values.pop("favourite"),
        area=values.pop("area"),
        **{name: tuple(readable(value) for value in values.pop(name)) for name in lists},
    )
