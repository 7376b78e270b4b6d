"""What was found, as a contact sheet in the terminal itself, or in a file where the terminal shows no pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from PIL import Image

from soutu_client._user_folders import cache_folder, private_folder
from soutu_client.cli.contact_sheet import sheet_of
from soutu_client.cli.photo_tables import hit_table
from soutu_client.cli.session import Session
from soutu_client.cli.terminal_graphics import Graphics
from soutu_client.cli.terminal_pictures import kitty_bytes, sixel_bytes
from soutu_client.models import Hit

__all__ = ["fitted", "show_hits"]


def show_hits(session: Session, graphics: Graphics, hits: Sequence[Hit], *, title: str, first_rank: int) -> None:
    """Show the sheet, then the list of what is on it."""
    sheet = sheet_of(session.client, hits, title=title, first_rank=first_rank)
    if graphics.kind == "none":
        path = private_folder(cache_folder()) / "sheet.png"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            sheet.save(file, "png")
        session.print(session.text("sheet.written", path=path))
    else:
        picture = fitted(sheet, graphics.room)
        columns = -(-picture.width // graphics.cell[0])
        code = kitty_bytes(picture, columns=columns) if graphics.kind == "kitty" else sixel_bytes(picture)
        sys.stdout.flush()
        sys.stdout.buffer.write(code + b"\n")
        sys.stdout.buffer.flush()
    session.out.print(hit_table(hits, session.texts, first_rank=first_rank))


def fitted(sheet: Image.Image, room: tuple[int, int]) -> Image.Image:
    """Return the sheet as large as it is, or as there is room."""
    scale = min(1.0, room[0] / sheet.width, room[1] / sheet.height)
    return sheet if scale == 1 else sheet.resize((max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale))))
