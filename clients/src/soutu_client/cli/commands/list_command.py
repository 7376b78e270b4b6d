"""``soutu list``: photos, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.filter_options import filter_options, take_filter
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts
from soutu_client.models import PhotoState

if TYPE_CHECKING:
    from soutu_client.models import Photo

__all__ = ["build"]

_LIMIT = 50
_MOST_PER_PAGE = 1000


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Option(
            "--state",
            "states",
            type=click.Choice(["ready", "pending", "unreadable"]),
            multiple=True,
            metavar="STATE",
            help=texts.text("list.state"),
        ),
        Option("--deleted", is_flag=True, help=texts.text("list.deleted")),
        Option(
            "--limit",
            type=click.IntRange(min=1),
            default=_LIMIT,
            metavar="NUMBER",
            help=texts.text("option.limit", default=_LIMIT),
        ),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
        *filter_options(texts),
    ]
    return SoutuCommand("list", _run, texts, help_key="list.short", params=params)


def _run(
    session: Session,
    *,
    states: tuple[str, ...],
    deleted: bool,
    limit: int,
    as_json: bool,
    **values: Any,
) -> int:
    chosen = take_filter(values)
    photos: list[Photo] = []
    total, token = 0, ""
    while len(photos) < limit:
        page = session.client.list_photos(
            filter=chosen,
            states=[PhotoState[state.upper()] for state in states],
            deleted=deleted,
            page_size=min(limit - len(photos), _MOST_PER_PAGE),
            page_token=token,
        )
        photos += page.photos
        total, token = page.total, page.next_page_token
        if not token:
            break
    if as_json:
        session.print_json({"photos": photos, "total": total})
    elif photos:
        from soutu_client.cli.photo_tables import photo_table  # noqa: PLC0415 - rich is slow to load

        session.out.print(photo_table(photos, session.texts))
        session.remark(session.count("list.total", total, shown=len(photos)))
    else:
        session.remark(session.text("list.nothing"))
    return ExitCode.OK if photos else ExitCode.NOTHING_FOUND
