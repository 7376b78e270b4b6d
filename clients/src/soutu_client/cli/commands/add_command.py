"""``soutu add``: photos and folders into the library."""

from __future__ import annotations

import time

import click

from soutu_client.cli.add_report import adding, existing_paths, exit_code, summarise, wait_until_searchable
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    paths = Argument("paths", explanation=texts.text("add.paths"), nargs=-1, required=True, type=click.Path(), metavar="PATH")
    params = [
        paths,
        Option("--no-wait", is_flag=True, help=texts.text("option.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("add", _run, texts, help_key="add.help", params=params)


def _run(session: Session, *, paths: tuple[str, ...], no_wait: bool, as_json: bool) -> int:
    found = existing_paths(session, paths)
    session.client.status()  # says at once, not after reading a folder, that the service cannot be reached
    result = adding(session, lambda show: session.client.add(found, on_progress=show))
    ready = None
    began = time.monotonic()
    if not no_wait and result.added:
        ready = wait_until_searchable(session, result)
    seconds = time.monotonic() - began
    if as_json:
        session.print_json({"add": result, "ready": ready})
    else:
        summarise(session, result, ready, seconds=seconds)
    return exit_code(result)
