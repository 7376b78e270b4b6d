"""``soutu search``: photos by words, pictures, or both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soutu_client._naming import readable
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.filter_options import take_filter
from soutu_client.cli.hit_output import HitOutput, collect_hits, hit_options
from soutu_client.cli.query_line import NOT_WEIGHT
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts
from soutu_client.models import Filter

if TYPE_CHECKING:
    from soutu_client.models import Term

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("words", explanation=texts.text("search.words"), nargs=-1, metavar="TEXT"),
        Option(
            "--image",
            "images",
            type=click.Path(dir_okay=False, path_type=Path),
            multiple=True,
            metavar="FILE",
            help=texts.text("search.image"),
        ),
        Option("--like", multiple=True, metavar="PHOTO_ID", help=texts.text("search.like")),
        Option("--not", "unwanted", multiple=True, metavar="TEXT", help=texts.text("search.not")),
        *hit_options(texts),
    ]
    return SoutuCommand("search", _run, texts, help_key="search.help", params=params)


def _run(
    session: Session,
    *,
    words: tuple[str, ...],
    images: tuple[Path, ...],
    like: tuple[str, ...],
    unwanted: tuple[str, ...],
    min_score: float | None,
    limit: int,
    **values: Any,
) -> int:
    output = HitOutput.take(values)
    chosen = take_filter(values)
    text = readable(" ".join(words)).strip()
    if not (text or images or like):
        if unwanted:
            raise CommandError(session.text("error.only_not"), code=ExitCode.USAGE)
        if chosen == Filter():
            raise CommandError(session.text("error.empty_search"), code=ExitCode.USAGE)
    terms = _terms(session, text, images=images, like=like, unwanted=unwanted)
    hits, notices = collect_hits(
        lambda size, token: session.client.search(terms, filter=chosen, min_score=min_score, page_size=size, page_token=token),
        limit,
    )
    title = "  ".join([text, *(path.name for path in images), *like, *(f"- {each}" for each in unwanted)]).strip()
    return output.present(session, hits, notices, title=title, terms=terms)


def _terms(
    session: Session, text: str, *, images: tuple[Path, ...], like: tuple[str, ...], unwanted: tuple[str, ...]
) -> list[Term]:
    from soutu_client.models import ImageTerm, PhotoTerm, TextTerm  # noqa: PLC0415

    terms: list[Term] = [TextTerm(text)] if text else []
    terms += [ImageTerm(path.read_bytes()) for path in images]
    terms += [PhotoTerm(photo_id) for photo_id in (session.whole_ids(like) if like else [])]
    return [*terms, *(TextTerm(readable(each), weight=NOT_WEIGHT) for each in unwanted)]
