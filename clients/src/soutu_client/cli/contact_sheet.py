"""One picture of many photos: thumbnails in a grid, each with its rank, similarity and name."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from soutu_client._errors import SoutuError
from soutu_client.cli.cells import clock_text
from soutu_client.cli.fonts import Font, has_chinese, sheet_font
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.viewer import open_in_viewer
from soutu_client.client import Client
from soutu_client.models import Hit

__all__ = ["MOST_TILES", "Tile", "draw_sheet", "make_sheet", "sheet_of", "show_sheet"]

MOST_TILES = 500
"""Photos on one sheet: it stays well below the 65,500 pixels that a side of a JPEG may have."""

_COLUMNS = 5
_TILE = 256
_GAP = 16
_CAPTION = 48
_HEAD = 56
_BACKGROUND = (250, 250, 248)
_FRAME = (232, 232, 228)
_INK = (32, 32, 32)
_FAINT = (120, 120, 120)
_FETCHES = 4


@dataclass(frozen=True)
class Tile:
    """A photo on the sheet: an encoded picture (None: a grey field) and two lines below it."""

    image: bytes | None
    first_line: str
    second_line: str


def draw_sheet(tiles: Sequence[Tile], *, title: str) -> Image.Image:
    """Draw a sheet. Lines in Chinese are left out where the computer has no font for them."""
    columns = min(_COLUMNS, max(1, len(tiles)))
    rows = -(-len(tiles) // columns)
    title = _writable(title)
    head = _HEAD if title else _GAP
    width = _GAP + columns * (_TILE + _GAP)
    sheet = Image.new("RGB", (width, head + rows * (_TILE + _CAPTION + _GAP)), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _write(draw, title, (_GAP, 14), sheet_font(24), _INK, room=width - 2 * _GAP)
    for number, tile in enumerate(tiles):
        left = _GAP + number % columns * (_TILE + _GAP)
        top = head + number // columns * (_TILE + _CAPTION + _GAP)
        draw.rectangle((left, top, left + _TILE - 1, top + _TILE - 1), fill=_FRAME)
        picture = _picture(tile.image)
        if picture is not None:
            sheet.paste(picture, (left + (_TILE - picture.width) // 2, top + (_TILE - picture.height) // 2))
        _write(draw, tile.first_line, (left, top + _TILE + 4), sheet_font(16), _INK, room=_TILE)
        _write(draw, _writable(tile.second_line), (left, top + _TILE + 25), sheet_font(14), _FAINT, room=_TILE)
    return sheet


def make_sheet(client: Client, hits: Sequence[Hit], *, title: str, path: Path | None) -> Path:
    """Fetch the thumbnails of the first hits, at most ``MOST_TILES``, draw them, and write the sheet to a file.

    Args:
        client: Where the thumbnails are.
        hits: Best first.
        title: Written above.
        path: The file; None: a new temporary one.

    Returns:
        The file's path.

    Raises:
        OSError: The file cannot be written.
    """
    sheet = sheet_of(client, hits[:MOST_TILES], title=title)
    if path is None:
        handle, name = tempfile.mkstemp(prefix="soutu-", suffix=".png")
        os.close(handle)
        path = Path(name)
    try:
        sheet.save(path)
    except (ValueError, KeyError):  # an ending that Pillow does not know
        path = path.with_name(f"{path.name}.png")
        sheet.save(path)
    return path


def sheet_of(client: Client, hits: Sequence[Hit], *, title: str, first_rank: int = 1) -> Image.Image:
    """Fetch the thumbnails of hits and draw them, each with its rank."""
    with ThreadPoolExecutor(_FETCHES, "soutu-thumbnail") as pool:
        images = list(pool.map(lambda hit: _thumbnail(client, hit), hits))
    tiles = []
    for rank, (hit, image) in enumerate(zip(hits, images, strict=True), first_rank):
        cosine = "" if hit.cosine is None else f"   {hit.cosine:.3f}"
        time = "" if hit.frame_ms is None else f"   {clock_text(hit.frame_ms)}"
        tiles.append(Tile(image, f"{rank}{cosine}{time}", hit.photo.name.rpartition("/")[2]))
    return draw_sheet(tiles, title=title)


def show_sheet(session: Session, path: Path) -> None:
    """Open a picture with the system's viewer, or say where it is."""
    session.remark(session.text("sheet.written" if open_in_viewer(path) else "sheet.no_viewer", path=path))


def _thumbnail(client: Client, hit: Hit) -> bytes | None:
    try:
        return client.thumbnail(hit.photo.photo_id, frame_ms=hit.frame_ms).image
    except SoutuError:
        return None


def _picture(image: bytes | None) -> Image.Image | None:
    if image is None:
        return None
    try:
        with Image.open(io.BytesIO(image)) as opened:
            return ImageOps.contain(opened.convert("RGB"), (_TILE, _TILE))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _writable(line: str) -> str:
    """Return the line, or nothing if no font can write it."""
    line = printable(line)
    return line if has_chinese() or line.isascii() else ""


def _write(
    draw: ImageDraw.ImageDraw, line: str, place: tuple[int, int], font: Font, colour: tuple[int, int, int], *, room: int
) -> None:
    """Write a line, cut where there is no room."""
    if draw.textlength(line, font=font) > room:
        dots = "…" if has_chinese() else "..."
        while line and draw.textlength(line + dots, font=font) > room:
            line = line[:-1]
        line += dots
    draw.text(place, line, font=font, fill=colour)
