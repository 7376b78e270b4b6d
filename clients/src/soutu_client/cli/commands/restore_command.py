"""``soutu restore``: put a backup in the catalog's place."""

from __future__ import annotations

from pathlib import Path

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]

_WAIT_SECONDS = 300.0


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("file", explanation=texts.text("restore.file"), metavar="FILE", type=click.Path(path_type=Path)),
        Option("--yes", "is_sure", is_flag=True, help=texts.text("option.yes")),
        Option("--no-wait", is_flag=True, help=texts.text("restore.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("restore", _run, texts, help_key="restore.help", params=params)


def _run(session: Session, *, file: Path, is_sure: bool, no_wait: bool, as_json: bool) -> int:
    from soutu_client._backup_file import read_backup  # noqa: PLC0415 - loads what the help does not need
    from soutu_client.cli.cells import moment  # noqa: PLC0415
    from soutu_client.cli.question import is_agreed  # noqa: PLC0415
    from soutu_client.cli.transfer_bar import TransferBar  # noqa: PLC0415 - rich is slow to load

    backup = read_backup(file, session.texts.language)
    when = moment(backup.created_at)
    if not is_sure and not is_agreed(session, session.count("restore.ask", backup.photos, when=when)):
        return ExitCode.OK
    with TransferBar(session, session.text("restore.running")) as bar:
        session.client.restore_backup(file, on_progress=bar.show, wait_seconds=0 if no_wait else _WAIT_SECONDS)
    if as_json:
        session.print_json(backup)
    else:
        session.print(session.count("restore.left" if no_wait else "restore.done", backup.photos, when=when))
    return ExitCode.OK
