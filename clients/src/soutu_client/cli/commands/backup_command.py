"""``soutu backup``: save the catalog into a file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.texts import Texts

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [
        Argument("file", explanation=texts.text("backup.file"), metavar="FILE", type=click.Path(path_type=Path)),
        Option("--force", "overwrite", is_flag=True, help=texts.text("backup.force")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("backup", _run, texts, help_key="backup.help", params=params)


def _run(session: Session, *, file: Path, overwrite: bool, as_json: bool) -> int:
    from soutu_client.cli.cells import moment, size_text  # noqa: PLC0415
    from soutu_client.cli.transfer_bar import TransferBar  # noqa: PLC0415 - rich is slow to load

    if os.path.lexists(file) and not overwrite:
        raise CommandError(session.text("backup.exists", path=file), code=ExitCode.USAGE)
    with TransferBar(session, session.text("backup.running")) as bar:
        backup = session.client.create_backup(file, overwrite=overwrite, on_progress=bar.show)
    if as_json:
        session.print_json(backup)
    else:
        session.print(
            session.count(
                "backup.done", backup.photos, path=file, size=size_text(backup.size_bytes), when=moment(backup.created_at)
            )
        )
    return ExitCode.OK
