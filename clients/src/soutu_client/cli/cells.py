"""How values are written in tables."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts
from soutu_client.models import Photo, PhotoKind, PhotoState, TakenOrigin

__all__ = [
    "SHORT_ID",
    "badges",
    "clock_text",
    "date_cell",
    "duration_text",
    "format_name",
    "moment",
    "name_cell",
    "pixels",
    "short_id",
    "size_text",
    "state_cell",
]

SHORT_ID = 8
"""Digits of an id that are shown; the service takes any that are enough, from 6."""

_STATE_STYLES = {PhotoState.READY: "green", PhotoState.PENDING: "yellow", PhotoState.UNREADABLE: "red"}


def name_cell(photo: Photo) -> Text:
    """Return the file's name, then its folder: where a line is cut, the name stays."""
    folder, _, file_name = printable(photo.name).rpartition("/")
    cell = Text(file_name or "?", overflow="ellipsis", no_wrap=True)
    for badge in badges(photo):
        cell.append(f" {badge}", style="bold cyan")
    if folder:
        cell.append(f"  {folder}", style="dim")
    return cell


def badges(photo: Photo) -> list[str]:
    """Return what a photo is beside a picture: RAW, LIVE, or the length of a video."""
    found = ["RAW"] if photo.has_raw else []
    if photo.clip is not None:
        found.append("LIVE")
    if photo.kind is PhotoKind.VIDEO:
        found.append(f"▶{clock_text(photo.duration_ms or 0)}")
    return found


def clock_text(length_ms: int) -> str:
    """Return a time within a video as players write it: 0:42, 1:02:03."""
    minutes, seconds = divmod(length_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def date_cell(photo: Photo) -> Text:
    """Return the day it was taken; dim if that is only the file's modification time."""
    if photo.taken is None:
        return Text("")
    is_guess = photo.taken.origin is TakenOrigin.MODIFIED
    return Text(f"{photo.taken.local_time:%Y-%m-%d}", style="dim" if is_guess else "")


def state_cell(photo: Photo, texts: Texts) -> Text:
    """Return the state of a photo, and why it cannot be read if that is so."""
    if photo.deleted_at is not None:
        return Text(texts.text("state.deleted"), style="dim")
    cell = Text(texts.text(f"state.{photo.state.value.lower()}"), style=_STATE_STYLES.get(photo.state, ""))
    if photo.unreadable is not None:
        cell.append(f"  {printable(photo.unreadable.message)}")
    return cell


def short_id(photo_id: str) -> Text:
    """Return the first digits of an id."""
    return Text(printable(photo_id[:SHORT_ID]), style="cyan")


def pixels(photo: Photo) -> str:
    """Return width and height, or nothing while they are not known."""
    return f"{photo.width}×{photo.height}" if photo.width else ""


def format_name(photo: Photo) -> str:
    """Return the last part of the media type: ``heic``."""
    return printable(photo.media_type.rpartition("/")[2])


def size_text(size_bytes: int) -> str:
    """Return a size in the largest unit that leaves a number of at least 1 (decimal units, IEC 80000-13)."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"


def moment(when: datetime) -> str:
    """Return a moment on this computer's clock."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def duration_text(seconds: float, texts: Texts) -> str:
    """Return a length of time as roughly as an estimate deserves."""
    if seconds < 60:
        return texts.text("status.seconds", n=f"{max(1.0, seconds):.0f}")
    if seconds < 5400:
        return texts.text("status.minutes", n=f"{seconds / 60:.0f}")
    hours = seconds / 3600
    return texts.text("status.hours", n=f"{hours:.1f}" if hours < 10 else f"{hours:,.0f}")
