"""``soutu show``: all that is known of a photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from rich.text import Text

    from soutu_client.models import Photo, Taken

__all__ = ["build", "print_photo"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("photo_id", explanation=texts.text("argument.photo_id")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
        Option("--save", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help=texts.text("show.save")),
    ]
    return SoutuCommand("show", _run, texts, help_key="show.short", params=params)


def _run(session: Session, *, photo_id: str, as_json: bool, save: Path | None) -> int:
    photo = session.client.photo(photo_id.lower())
    if as_json:
        session.print_json(photo)
    else:
        print_photo(session, photo)
    if save is not None:
        from soutu_client.cli.deeds import note_deeds_of_last_search  # noqa: PLC0415
        from soutu_client.feedback_models import Deed  # noqa: PLC0415

        for part_id in ("", *(part.part_id for part in photo.parts)):
            path = session.client.save_original(photo.photo_id, save, part_id=part_id)
            session.remark(session.text("show.saved", path=path))
        note_deeds_of_last_search(session, Deed.DOWNLOAD, [photo.photo_id])
    return ExitCode.OK


def print_photo(session: Session, photo: Photo) -> None:
    """Write all that is known of a photo."""
    from rich.table import Table  # noqa: PLC0415 - slow to load
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in _facts(session, photo):
        table.add_row(session.text(f"show.{key}"), value if isinstance(value, Text) else Text(value))
    session.out.print(table)


def _facts(session: Session, photo: Photo) -> list[tuple[str, str | Text]]:
    """Return what is known, each with the last part of its label's key."""
    from soutu_client.cli.cells import clock_text, format_name, moment, pixels, size_text, state_cell  # noqa: PLC0415

    facts: list[tuple[str, str | Text]] = [("photo_id", printable(photo.photo_id)), ("state", state_cell(photo, session.texts))]
    names = (
        f"{printable(f'{name.source}: {name.name}')}{'' if name.present else session.text('show.former')}" for name in photo.names
    )
    facts.append(("names", "\n".join(names)))
    if photo.width:
        facts.append(("pixels", pixels(photo)))
    facts.append(("size", f"{size_text(photo.size_bytes)}  {format_name(photo)}"))
    if photo.duration_ms is not None:
        facts.append(("duration", f"{clock_text(photo.duration_ms)}  {printable(photo.codec)}"))
    if photo.parts:
        rows = (f"{printable(part.name)}  {size_text(part.size_bytes)}  {printable(part.media_type)}" for part in photo.parts)
        facts.append(("parts", "\n".join(rows)))
    if photo.taken is not None:
        facts.append(("taken", _taken_text(session, photo.taken)))
    if photo.camera:
        facts.append(("camera", printable(photo.camera)))
    if photo.location is not None:
        facts.append(("location", f"{photo.location.latitude:.5f}, {photo.location.longitude:.5f}"))
    notes = photo.annotations
    facts.append(("favourite", session.text("show.yes" if notes.favourite else "show.no")))
    for key, value in (("caption", notes.caption), ("tags", ", ".join(notes.tags)), ("albums", ", ".join(notes.albums))):
        if value:
            facts.append((key, printable(value)))
    if photo.added_at is not None:
        facts.append(("added", moment(photo.added_at)))
    if photo.deleted_at is not None:
        facts.append(("deleted", moment(photo.deleted_at)))
    return facts


def _taken_text(session: Session, taken: Taken) -> str:
    offset = ""
    if taken.utc_offset_minutes is not None:
        hours, minutes = divmod(abs(taken.utc_offset_minutes), 60)
        offset = f" UTC{'-' if taken.utc_offset_minutes < 0 else '+'}{hours:02}:{minutes:02}"
    origin = session.text(f"show.taken_{taken.origin.value.lower()}")
    return f"{taken.local_time:%Y-%m-%d %H:%M:%S}{offset}  ({origin})"
