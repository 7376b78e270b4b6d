"""Backups: from the service into a file, and back."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from soutu_client._backup_file import read_backup
from soutu_client._calls import Calls
from soutu_client._convert import library as convert
from soutu_client._errors import CallTimeoutError, NotAllowedError, SoutuError, UnavailableError
from soutu_client._folder_flush import flush_folder
from soutu_client._language import Text
from soutu_client.library_models import Backup

__all__ = ["create_backup", "restore_backup"]

_TRANSFER_SECONDS = 3600.0
_PART_BYTES = 256 * 1024
_POLL_SECONDS = 0.3

_NOT_BACK = Text(
    zh="备份已经放好，但搜索服务还没有重新启动：请手动启动它，启动后就是备份里的图库",
    en="the backup is in its place, but the search service did not start again: start it, and the library is the backup's",
)


def create_backup(calls: Calls, path: Path, *, overwrite: bool, on_progress: Callable[[int, int], None]) -> Backup:
    """Save a backup into a file: written aside, checked, flushed, and only then put into its place.

    Raises:
        FileExistsError: There is something of this name, and it is not to be overwritten.
        OSError: The file cannot be written.
        InvalidInputError: What arrived is not whole.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb") as file:
            done = total = 0
            messages = calls.receiving(
                calls.library.CreateBackup, convert.create_backup_request(), timeout_seconds=_TRANSFER_SECONDS
            )
            for message in messages:
                part = convert.backup_part(message)
                total = total or part.total_bytes
                done += file.write(part.data)
                on_progress(done, total)
            file.flush()
            os.fsync(file.fileno())
        backup = read_backup(unfinished, calls.language)
        if not overwrite:
            path.touch(exist_ok=False)  # an empty file takes the name first, so that no other is ever replaced
        unfinished.replace(path)
        flush_folder(path.parent)
        return backup
    finally:
        unfinished.unlink(missing_ok=True)


def restore_backup(calls: Calls, path: Path, *, on_progress: Callable[[int, int], None], wait_seconds: float) -> Backup:
    """Have the service take a backup's place, and wait until it serves what was in it; 0: do not wait.

    Raises:
        OSError: The file cannot be read.
        InvalidInputError: It is no backup, or it is cut off or damaged; nothing was changed.
        CallTimeoutError: The service took the backup, and does not answer since.
    """
    backup = read_backup(path, calls.language)
    before = convert.run_id(calls.unary(calls.library.GetStatus, convert.status_request()))
    messages = _Messages(path, backup.size_bytes, on_progress)
    try:
        calls.sending(calls.library.RestoreBackup, iter(messages), timeout_seconds=_TRANSFER_SECONDS)
    except SoutuError:
        if messages.failure is not None:
            raise messages.failure from None
        raise
    if wait_seconds:
        _wait_for_another_run(calls, before, wait_seconds)
    return backup


def _wait_for_another_run(calls: Calls, before: str, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            if convert.run_id(calls.unary(calls.library.GetStatus, convert.status_request())) != before:
                return
        except (UnavailableError, CallTimeoutError):
            pass  # it is on its way
        except NotAllowedError:
            return  # it answers; who may call what is the backup's to say
        time.sleep(_POLL_SECONDS)
    raise CallTimeoutError(_NOT_BACK.to(calls.language), reason="NOT_RESTARTED")


class _Messages:
    """The messages of a restore. A file that fails midway ends them early, which the service refuses; the cause is kept."""

    def __init__(self, path: Path, size_bytes: int, on_progress: Callable[[int, int], None]) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._on_progress = on_progress
        self.failure: OSError | None = None

    def __iter__(self) -> Iterator[convert.RestoreMessage]:
        done = 0
        try:
            with self._path.open("rb") as file:
                while part := file.read(_PART_BYTES):
                    yield convert.restore_backup_request(part)
                    done += len(part)
                    self._on_progress(done, self._size_bytes)
        except OSError as error:
            self.failure = error
