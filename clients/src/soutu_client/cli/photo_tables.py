"""Tables of photos."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from soutu_client.cli.cells import (
    clock_text,
    date_cell,
    format_name,
    name_cell,
    pixels,
    short_id,
    size_text,
    state_cell,
)
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts
from soutu_client.models import Hit, MatchField, Photo

__all__ = ["hit_table", "photo_table", "ready_table", "reason_table"]


def hit_table(hits: Iterable[Hit], texts: Texts, *, first_rank: int = 1) -> Table:
    """Return what was found, the best first."""
    table = _table()
    table.add_column(texts.text("column.rank"), justify="right", no_wrap=True)
    table.add_column(texts.text("column.cosine"), justify="right", no_wrap=True)
    table.add_column(texts.text("column.name"), ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(texts.text("column.date"), no_wrap=True)
    table.add_column(texts.text("column.why"), max_width=36, no_wrap=True, overflow="ellipsis")
    table.add_column(texts.text("column.photo_id"), no_wrap=True)
    for rank, hit in enumerate(hits, first_rank):
        cosine = "" if hit.cosine is None else f"{hit.cosine:.3f}"
        table.add_row(
            str(rank), cosine, name_cell(hit.photo), date_cell(hit.photo), _why(hit, texts), short_id(hit.photo.photo_id)
        )
    return table


def _why(hit: Hit, texts: Texts) -> Text:
    """Say what of a photo matched: words that are written about it, or else its looks."""
    parts = []
    for match in hit.matches:
        found = printable(match.text)
        if match.field is MatchField.NAME:
            found = found.rpartition("/")[2] or found
        parts.append(texts.text(f"match.{match.field.value.lower()}", text=found))
    if hit.cosine is not None and not parts:
        parts.append(texts.text("match.looks"))
    if hit.frame_ms is not None:
        parts.append(texts.text("match.frame", time=clock_text(hit.frame_ms)))
    return Text("; ".join(dict.fromkeys(parts)), style="" if hit.matches else "dim", overflow="ellipsis", no_wrap=True)


def photo_table(photos: Iterable[Photo], texts: Texts) -> Table:
    """Return photos with their state."""
    table = _table()
    table.add_column(texts.text("column.name"), ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(texts.text("column.date"), no_wrap=True)
    table.add_column(texts.text("column.pixels"), justify="right", no_wrap=True)
    table.add_column(texts.text("column.size"), justify="right", no_wrap=True)
    table.add_column(texts.text("column.state"), no_wrap=True)
    table.add_column(texts.text("column.photo_id"), no_wrap=True)
    for photo in photos:
        table.add_row(
            name_cell(photo),
            date_cell(photo),
            pixels(photo),
            size_text(photo.size_bytes),
            state_cell(photo, texts),
            short_id(photo.photo_id),
        )
    return table


def ready_table(photos: Iterable[Photo], texts: Texts) -> Table:
    """Return photos that became searchable."""
    table = _table(title=texts.text("title.ready"))
    table.add_column(texts.text("column.name"), ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(texts.text("column.format"), no_wrap=True)
    table.add_column(texts.text("column.pixels"), justify="right", no_wrap=True)
    table.add_column(texts.text("column.date"), no_wrap=True)
    table.add_column(texts.text("column.photo_id"), no_wrap=True)
    for photo in photos:
        table.add_row(name_cell(photo), format_name(photo), pixels(photo), date_cell(photo), short_id(photo.photo_id))
    return table


def reason_table(rows: Iterable[tuple[str | Text, str]], texts: Texts, *, title_key: str) -> Table:
    """Return files and why each did not make it."""
    table = _table(title=texts.text(title_key))
    table.add_column(texts.text("column.name"), ratio=1, overflow="fold")
    table.add_column(texts.text("column.reason"), ratio=1, overflow="fold")
    for name, reason in rows:
        table.add_row(Text(printable(name)) if isinstance(name, str) else name, Text(printable(reason), style="red"))
    return table


def _table(*, title: str | None = None) -> Table:
    return Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, title=title, title_justify="left", title_style="bold")
