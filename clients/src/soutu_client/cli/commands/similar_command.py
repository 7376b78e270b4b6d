"""``soutu similar``: photos that look like a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from soutu_client.cli.command import Argument, SoutuCommand
from soutu_client.cli.filter_options import take_filter
from soutu_client.cli.hit_output import HitOutput, collect_hits, hit_options
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts
from soutu_client.models import ImageTerm, PhotoTerm

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    like = Argument("like", explanation=texts.text("similar.like"), type=click.Path(), metavar="FILE|PHOTO_ID")
    return SoutuCommand("similar", _run, texts, help_key="similar.help", params=[like, *hit_options(texts)])


def _run(session: Session, *, like: str, min_score: float | None, limit: int, **values: Any) -> int:
    output = HitOutput.take(values)
    chosen = take_filter(values)
    path = Path(like)
    is_id = len(like) >= 6 and not path.exists() and all(char in "0123456789abcdefABCDEF" for char in like)
    sample: str | bytes = session.whole_ids([like])[0] if is_id else path.read_bytes()
    hits, notices = collect_hits(
        lambda size, token: session.client.similar(sample, filter=chosen, min_score=min_score, page_size=size, page_token=token),
        limit,
    )
    term = ImageTerm(sample) if isinstance(sample, bytes) else PhotoTerm(sample)
    return output.present(session, hits, notices, title=path.name, terms=[term])
