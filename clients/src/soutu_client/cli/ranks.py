"""A photo by its rank in what was last found."""

from __future__ import annotations

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.last_hits import last_hits
from soutu_client.cli.session import CommandError, Session

__all__ = ["photo_of_rank"]


def photo_of_rank(session: Session, rank: int) -> str:
    """Return the photo's id.

    Raises:
        CommandError: Nothing was searched for, or less was found.
    """
    hits = last_hits(session.client.address)
    if not hits:
        raise CommandError(session.text("open.no_search"), code=ExitCode.USAGE)
    if not 1 <= rank <= len(hits):
        raise CommandError(session.count("open.no_rank", len(hits)), code=ExitCode.USAGE)
    return hits[rank - 1]
