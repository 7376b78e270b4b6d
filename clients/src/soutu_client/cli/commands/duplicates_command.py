"""``soutu duplicates``: photos that are nearly the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.library_models import DuplicateGroup

__all__ = ["build"]

_LIMIT = 20
_MOST_PER_PAGE = 200


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Option(
            "--max-distance",
            type=click.IntRange(0, 16),
            metavar="NUMBER",
            help=texts.text("duplicates.max_distance"),
        ),
        Option("--min-cosine", type=click.FloatRange(-1, 1), metavar="NUMBER", help=texts.text("duplicates.min_cosine")),
        Option(
            "--limit",
            type=click.IntRange(min=1),
            default=_LIMIT,
            metavar="NUMBER",
            help=texts.text("option.limit", default=_LIMIT),
        ),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("duplicates", _run, texts, help_key="duplicates.short", params=params)


def _run(session: Session, *, max_distance: int | None, min_cosine: float | None, limit: int, as_json: bool) -> int:
    groups: list[DuplicateGroup] = []
    token = ""
    while len(groups) < limit:
        page = session.client.near_duplicates(
            max_distance=max_distance,
            min_cosine=min_cosine,
            page_size=min(limit - len(groups), _MOST_PER_PAGE),
            page_token=token,
        )
        groups += page.groups
        token = page.next_page_token
        if not token:
            break
    if as_json:
        session.print_json({"groups": groups})
    elif groups:
        from soutu_client.cli.photo_tables import photo_table  # noqa: PLC0415 - rich is slow to load

        for number, group in enumerate(groups, 1):
            session.print(session.text("duplicates.group", number=number, n=len(group.photos)))
            session.out.print(photo_table(group.photos, session.texts))
        session.remark(session.text("duplicates.hint"))
    else:
        session.remark(session.text("duplicates.nothing"))
    return ExitCode.OK if groups else ExitCode.NOTHING_FOUND
