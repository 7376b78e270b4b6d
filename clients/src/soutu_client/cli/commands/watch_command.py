"""``soutu watch``: folders whose photos are added as they arrive."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soutu_client.cli.arrivals import UNTOLD_SETTLE_SECONDS
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.add_models import AddProgress
    from soutu_client.cli.followed_folder import FollowedFolder
    from soutu_client.cli.watch_log import WatchLog

__all__ = ["build"]

_SETTLE_SECONDS = 2.0
_ROUND_FILES = 500
_IDLE_SECONDS = 2.0
_WAITING_SECONDS = 0.3
_GATHER_SECONDS = 0.1
_FIRST_ASK_SECONDS, _LAST_ASK_SECONDS = 2.0, 60.0
_MOST_ASKED = 500


def build(texts: Texts) -> click.Command:
    """Make the command."""
    folders = Argument(
        "folders",
        explanation=texts.text("watch.folders"),
        nargs=-1,
        required=True,
        type=click.Path(path_type=Path),
        metavar="FOLDER",
    )
    params = [
        folders,
        Option(
            "--settle",
            "settle_seconds",
            type=click.FloatRange(min=0.1),
            default=_SETTLE_SECONDS,
            metavar="SECONDS",
            help=texts.text("watch.settle", default=f"{_SETTLE_SECONDS:g}", untold=f"{UNTOLD_SETTLE_SECONDS:g}"),
        ),
        Option("--poll", "poll_seconds", type=click.FloatRange(min=0.1), metavar="SECONDS", help=texts.text("watch.poll")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("watch", _run, texts, help_key="watch.help", params=params)


def _run(session: Session, *, folders: tuple[Path, ...], settle_seconds: float, poll_seconds: float | None, as_json: bool) -> int:
    from soutu_client.cli.followed_folder import FollowedFolder  # noqa: PLC0415 - the help needs none
    from soutu_client.cli.watch_log import WatchLog  # noqa: PLC0415

    roots = _roots(session, folders)
    log, wake = WatchLog(session, as_json=as_json), threading.Event()
    followed = [
        FollowedFolder(root, settle_seconds=settle_seconds, poll_seconds=poll_seconds, wake=wake, say=log.folder_news)
        for root in roots
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a system that shuts down ends it as Ctrl-C does
    if hasattr(signal, "SIGIO"):
        signal.signal(
            signal.SIGIO, signal.SIG_IGN
        )  # sent to whoever asks whether a file is written to, just when somebody begins
    try:
        _Watch(session, followed, log, wake).run()
    except KeyboardInterrupt:
        pass
    finally:
        for each in followed:
            each.stop()
        log.stopped()
    return ExitCode.OK


def _roots(session: Session, folders: Sequence[Path]) -> list[Path]:
    """Return the folders as absolute paths; one that lies in another is followed with that."""
    roots = []
    for folder in folders:
        root = Path(os.path.abspath(folder))  # noqa: PTH100 - normalises ".." and follows no link
        if not root.exists():
            raise CommandError(session.text("error.no_such_file", path=printable(str(folder))), code=ExitCode.USAGE)
        if not root.is_dir():
            raise CommandError(session.text("watch.no_folder", path=printable(str(folder))), code=ExitCode.USAGE)
        roots.append(root)
    return [root for root in dict.fromkeys(roots) if not any(other in root.parents for other in roots)]


class _Watch:
    """Looks, adds what is whole, waits for a hint or a while, and again, until it is interrupted."""

    def __init__(self, session: Session, folders: Sequence[FollowedFolder], log: WatchLog, wake: threading.Event) -> None:
        from soutu_client._patience import Patience  # noqa: PLC0415 - gRPC is slow to load

        self._session = session
        self._folders = folders
        self._log = log
        self._wake = wake
        self._patience = Patience(seconds=math.inf, on_waiting=log.waiting)
        self._unsettled: dict[str, None] = {}
        self._ask_seconds = _FIRST_ASK_SECONDS
        self._next_ask = math.inf

    def run(self) -> None:
        """Follow until ``KeyboardInterrupt``.

        Raises:
            SoutuError: The service does not take photos from this person, or cannot be trusted.
        """
        self._patience.call(self._session.client.status)
        for folder in self._folders:
            self._log.watching(folder.folder)
        while True:
            for folder in self._folders:
                folder.look()
            is_busy = [self._add(folder) for folder in self._folders]
            self._ask_what_became_of_them()
            if any(is_busy):
                continue
            is_waiting = any(folder.arrivals.is_waiting for folder in self._folders)
            if self._wake.wait(_WAITING_SECONDS if is_waiting else _IDLE_SECONDS):
                time.sleep(_GATHER_SECONDS)  # what arrives together is looked at together
                self._wake.clear()

    def _add(self, folder: FollowedFolder) -> bool:
        """Add what is whole, some of it, and say whether there was any."""
        from soutu_client._adding import add_found  # noqa: PLC0415 - gRPC is slow to load
        from soutu_client._errors import FileChangedError, InvalidInputError, SoutuError  # noqa: PLC0415

        files = {file.path: file for file in folder.arrivals.take_whole(_ROUND_FILES)}
        if not files:
            return False
        last: list[AddProgress] = []

        def show(now: AddProgress) -> None:
            last[:] = [now]
            self._log.waiting(now.waiting)

        try:
            result = add_found(self._session.client._calls, list(files.values()), on_progress=show, patience_seconds=math.inf)
        except KeyboardInterrupt:
            for now in last:
                self._log.interrupted(now.files_uploaded, now.files_failed)
            raise
        failed = []
        for problem in result.failed:
            if isinstance(problem.error, FileChangedError):
                folder.arrivals.put_back(files[problem.path])
            elif isinstance(problem.error, FileNotFoundError):  # renamed, and seen under its new name, or its disk is away
                folder.arrivals.forget(files[problem.path])
            else:  # what is wrong with the file itself stays so; the service's state, or a disk's, may be another soon
                error = problem.error
                why = error.reason if isinstance(error, SoutuError) else problem.message  # a message may tell a call's number
                may_pass = not isinstance(error, InvalidInputError)
                if folder.arrivals.note_failure(files[problem.path], why, may_pass=may_pass):
                    failed.append(problem)
        for path in files.keys() - {problem.path for problem in result.failed}:
            folder.arrivals.note_success(files[path])
        self._log.added(dataclasses.replace(result, failed=tuple(failed)), files)
        if result.interruption is not None:
            raise result.interruption
        self._unsettled |= dict.fromkeys(file.photo_id for file in result.added)
        if result.added:
            self._ask_seconds = _FIRST_ASK_SECONDS
            self._next_ask = min(
                self._next_ask, time.monotonic() + _FIRST_ASK_SECONDS
            )  # never later: photos may come all the time
        return True

    def _ask_what_became_of_them(self) -> None:
        """Tell of photos that turn out to be none; the longer nothing happens, the less often it is asked."""
        from soutu_client._errors import SoutuError  # noqa: PLC0415
        from soutu_client.models import PhotoState  # noqa: PLC0415

        if time.monotonic() < self._next_ask:
            return
        asked = list(self._unsettled)[:_MOST_ASKED]
        for photo_id in asked:  # to the end: next time others have their turn
            self._unsettled[photo_id] = self._unsettled.pop(photo_id)
        try:
            photos = self._session.client.photos(asked)
        except SoutuError:  # it is asked again, and adding says what is wrong
            photos = []
        else:
            for gone in set(asked) - {photo.photo_id for photo in photos}:
                del self._unsettled[gone]
        settled = [photo for photo in photos if photo.state is not PhotoState.PENDING]
        for photo in settled:
            del self._unsettled[photo.photo_id]
            if photo.state is PhotoState.UNREADABLE:
                self._log.not_readable(photo)
        self._ask_seconds = _FIRST_ASK_SECONDS if settled else min(2 * self._ask_seconds, _LAST_ASK_SECONDS)
        self._next_ask = time.monotonic() + self._ask_seconds if self._unsettled else math.inf
