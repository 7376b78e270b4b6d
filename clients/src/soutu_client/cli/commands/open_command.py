"""``soutu open``: a photo in the system's viewer, or the web page."""

from __future__ import annotations

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts
from soutu_client.feedback_models import Deed

__all__ = ["build", "open_photo"]

_MOST_DIGITS_OF_A_RANK = 5  # ids are given with at least 6


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("photo", explanation=texts.text("open.photo"), required=False, metavar="PHOTO_ID|RANK"),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("open", _run, texts, help_key="open.help", params=params)


def _run(session: Session, *, photo: str | None, as_json: bool) -> int:
    if photo is None:
        return _open_page(session, as_json=as_json)
    from soutu_client.cli.deeds import note_deeds_of_last_search  # noqa: PLC0415
    from soutu_client.cli.ranks import photo_of_rank  # noqa: PLC0415

    is_rank = photo.isdecimal() and len(photo) <= _MOST_DIGITS_OF_A_RANK
    photo_id = open_photo(session, photo_of_rank(session, int(photo)) if is_rank else photo, as_json=as_json)
    note_deeds_of_last_search(session, Deed.OPEN, [photo_id])
    return ExitCode.OK


def open_photo(session: Session, photo_id: str, *, as_json: bool = False) -> str:
    """Fetch a photo's original, show it, and say where it is; return the photo's whole id."""
    from soutu_client.cli.photo_viewing import fetch_to_view  # noqa: PLC0415 - gRPC is slow to load
    from soutu_client.cli.viewer import open_in_viewer  # noqa: PLC0415

    photo = session.client.photo(photo_id.lower())
    path = fetch_to_view(session.client, photo.photo_id, photo.media_type)
    is_open = open_in_viewer(path)
    if as_json:
        session.print_json({"photo_id": photo.photo_id, "path": path, "opened": is_open})
    else:
        session.print(session.text("open.opened" if is_open else "open.no_viewer", path=path))
    return photo.photo_id


def _open_page(session: Session, *, as_json: bool) -> int:
    from soutu_client.cli.viewer import open_in_viewer  # noqa: PLC0415
    from soutu_client.cli.web_page import page_answers, page_urls  # noqa: PLC0415 - loads ssl

    endpoint = session.client._calls.endpoint
    urls = page_urls(endpoint)
    url = next((url for url in urls if page_answers(url, endpoint)), None)
    if url is None:
        raise CommandError(session.text("open.no_page", url=urls[0]), code=ExitCode.UNREACHABLE)
    is_open = open_in_viewer(url)
    if as_json:
        session.print_json({"url": url, "opened": is_open})
    else:
        session.print(session.text("open.page", url=url))
    return ExitCode.OK
