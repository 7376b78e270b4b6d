"""What is done with photos that were found: a table, JSON, a contact sheet, a folder of originals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soutu_client._errors import SoutuError
from soutu_client._os_errors import describe_os_error
from soutu_client.cli.command import Option
from soutu_client.cli.deeds import is_recording
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.filter_options import filter_options
from soutu_client.cli.last_hits import keep_hits
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.models import Hit, Notice, SearchPage, Term

__all__ = ["HitOutput", "collect_hits", "hit_options"]

_LIMIT = 20
_MOST_PER_PAGE = 200


def hit_options(texts: Texts) -> list[click.Parameter]:
    """Return the options of commands that find photos."""
    return [
        Option("--min-score", type=click.FloatRange(-1, 1), metavar="NUMBER", help=texts.text("search.min_score")),
        Option(
            "--limit",
            type=click.IntRange(min=1),
            default=_LIMIT,
            metavar="NUMBER",
            help=texts.text("option.limit", default=_LIMIT),
        ),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
        Option("--open", "is_opened", is_flag=True, help=texts.text("search.open")),
        Option(
            "--sheet",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=texts.text("search.sheet"),
        ),
        Option(
            "--save",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="FOLDER",
            help=texts.text("search.save"),
        ),
        *filter_options(texts),
    ]


def collect_hits(find: Callable[[int, str], SearchPage], limit: int) -> tuple[list[Hit], list[Notice]]:
    """Return at most ``limit`` hits, page by page. ``find`` takes a page's size and token."""
    hits: list[Hit] = []
    notices: dict[Notice, None] = {}
    token = ""
    while len(hits) < limit:
        page = find(min(limit - len(hits), _MOST_PER_PAGE), token)
        hits += page.hits
        notices |= dict.fromkeys(page.notices)
        token = page.next_page_token
        if not token:
            break
    return hits[:limit], list(notices)


@dataclass(frozen=True)
class HitOutput:
    """What a person asked to be done with hits."""

    as_json: bool
    is_opened: bool
    sheet: Path | None
    save: Path | None

    @classmethod
    def take(cls, values: dict[str, Any]) -> HitOutput:
        """Take what belongs here out of a command's values."""
        return cls(**{name: values.pop(name) for name in ("as_json", "is_opened", "sheet", "save")})

    def present(self, session: Session, hits: list[Hit], notices: list[Notice], *, title: str, terms: Sequence[Term]) -> int:
        """Show, save and open what was found for these terms, and return the exit code."""
        if self.as_json:
            session.print_json({"hits": [{"rank": rank, "hit": hit} for rank, hit in enumerate(hits, 1)], "notices": notices})
        for notice in notices:
            session.remark(printable(notice.message), style="yellow")
        if not hits:
            if not self.as_json:
                session.remark(session.text("search.nothing"))
            return ExitCode.NOTHING_FOUND
        keep_hits(session.client.address, [hit.photo.photo_id for hit in hits], terms=terms if is_recording() else ())
        if not self.as_json:
            from soutu_client.cli.photo_tables import hit_table  # noqa: PLC0415 - rich is slow to load

            session.out.print(hit_table(hits, session.texts))
        if self.sheet is not None or self.is_opened:
            from soutu_client.cli.contact_sheet import MOST_TILES, make_sheet, show_sheet  # noqa: PLC0415 - so is Pillow

            if len(hits) > MOST_TILES:
                session.remark(session.text("sheet.cut", n=MOST_TILES, total=f"{len(hits):,}"))
            path = make_sheet(session.client, hits, title=title, path=self.sheet)
            if self.is_opened:
                show_sheet(session, path)
            else:
                session.remark(session.text("sheet.written", path=path))
        return self._save(session, hits) if self.save is not None else ExitCode.OK

    def _save(self, session: Session, hits: list[Hit]) -> int:
        folder = self.save or Path()
        saved = 0
        for hit in hits:
            try:
                session.client.save_original(hit.photo.photo_id, folder)
                saved += 1
            except SoutuError as error:
                message = error.message
            except OSError as error:
                message = describe_os_error(error, session.texts.language)
            else:
                continue
            session.remark(session.text("search.not_saved", name=printable(hit.photo.name), message=message), style="red")
        session.remark(session.count("search.saved", saved, folder=folder))
        return ExitCode.OK if saved == len(hits) else ExitCode.SOME_FAILED
