"""``soutu annotate``: favourite, caption, tags, albums, and when it was taken."""

from __future__ import annotations

import click

from soutu_client._naming import readable
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("photo_ids", explanation=texts.text("argument.photo_ids"), nargs=-1, required=True, metavar="PHOTO_ID"),
        Option("--favourite/--not-favourite", "favourite", default=None, help=texts.text("annotate.favourite")),
        Option("--caption", metavar="TEXT", help=texts.text("annotate.caption")),
        Option("--tag", "tags", multiple=True, metavar="TAG", help=texts.text("annotate.tag")),
        Option("--untag", "gone_tags", multiple=True, metavar="TAG", help=texts.text("annotate.untag")),
        Option("--album", "albums", multiple=True, metavar="ALBUM", help=texts.text("annotate.album")),
        Option("--leave-album", "left_albums", multiple=True, metavar="ALBUM", help=texts.text("annotate.leave_album")),
        Option("--taken", metavar="DATE", help=texts.text("annotate.taken")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("annotate", _run, texts, help_key="annotate.short", params=params)


def _run(
    session: Session,
    *,
    photo_ids: tuple[str, ...],
    favourite: bool | None,
    caption: str | None,
    tags: tuple[str, ...],
    gone_tags: tuple[str, ...],
    albums: tuple[str, ...],
    left_albums: tuple[str, ...],
    taken: str | None,
    as_json: bool,
) -> int:
    if favourite is None and caption is None and taken is None and not (tags or gone_tags or albums or left_albums):
        raise CommandError(session.text("error.nothing_to_change"), code=ExitCode.USAGE)
    photos = session.client.annotate(
        session.whole_ids(photo_ids),
        favourite=favourite,
        caption=None if caption is None else readable(caption),
        add_tags=[readable(tag) for tag in tags],
        remove_tags=[readable(tag) for tag in gone_tags],
        add_albums=[readable(album) for album in albums],
        remove_albums=[readable(album) for album in left_albums],
        taken=None if taken is None else readable(taken),
    )
    if favourite:
        from soutu_client.cli.deeds import note_deeds_of_last_search  # noqa: PLC0415
        from soutu_client.feedback_models import Deed  # noqa: PLC0415

        note_deeds_of_last_search(session, Deed.FAVOURITE, [photo.photo_id for photo in photos])
    if as_json:
        session.print_json(photos)
    else:
        session.print(session.count("annotate.done", len(photos)))
    return ExitCode.OK
