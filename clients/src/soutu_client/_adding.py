"""Adding folders: find, digest, ask what is there already, upload the rest a few at a time."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from soutu_client._adding_progress import ProgressCounter
from soutu_client._calls import Calls
from soutu_client._convert import photos as convert
from soutu_client._errors import (
    BusyError,
    CallCancelledError,
    CallTimeoutError,
    NotAllowedError,
    NotAuthenticatedError,
    NotTrustedError,
    SoutuError,
    UnavailableError,
)
from soutu_client._os_errors import describe_os_error
from soutu_client._patience import Patience
from soutu_client._upload import FileContent, read_content, upload_content
from soutu_client._walk import FoundFile, Walk, walk
from soutu_client.add_models import AddedFile, AddProgress, AddResult, FileProblem, KnownFile
from soutu_client.models import FoundContent, PhotoState, Upload

__all__ = ["ENDING_ERRORS", "Arrival", "add_files", "add_found"]

_BATCH_FILES = 200
_BATCH_BYTES = 64 * 1024 * 1024
_READERS = 2
_READ_AHEAD = 64
_NOT_A_PHOTO = "NOT_A_PHOTO"

ENDING_ERRORS = (
    UnavailableError,
    BusyError,
    CallTimeoutError,
    CallCancelledError,
    NotAuthenticatedError,
    NotAllowedError,
    NotTrustedError,
)
"""Errors after which the files that are left would fail as well."""


@dataclass(frozen=True)
class Arrival:
    """A file whose content the library has, and the photo that it belongs to."""

    file: FoundFile
    photo_id: str


@dataclass(frozen=True)
class _ReadFile:
    file: FoundFile
    content: FileContent


def add_files(
    calls: Calls,
    paths: Iterable[Path],
    *,
    on_progress: Callable[[AddProgress], None] | None,
    patience_seconds: float,
    uploads_in_flight: int,
) -> AddResult:
    """Add files and folders. Contents that the library has are not sent; a file that fails never stops the others.

    A service that is away or busy is waited for, ``patience_seconds`` at most; then the result says why it ended early.
    """
    adding = _Adding(calls, on_progress, patience_seconds=patience_seconds, uploads_in_flight=uploads_in_flight)
    return adding.run(lambda: walk(paths))


def add_found(
    calls: Calls,
    files: Sequence[FoundFile],
    *,
    on_progress: Callable[[AddProgress], None] | None,
    patience_seconds: float,
    uploads_in_flight: int = 4,
    on_arrived: Callable[[Patience, Sequence[Arrival]], None] | None = None,
) -> AddResult:
    """Add files that were found already, as ``add_files`` does.

    ``on_arrived`` is called now and then with files that are in the library since: from the calling thread, with what waits for a
    service that is away.
    """
    adding = _Adding(calls, on_progress, patience_seconds=patience_seconds, uploads_in_flight=uploads_in_flight)
    adding.on_arrived = on_arrived
    return adding.run(lambda: Walk(files=list(files)))


class _Adding:
    """One run. The calling thread alone asks and keeps the results; pools read and send."""

    def __init__(
        self,
        calls: Calls,
        on_progress: Callable[[AddProgress], None] | None,
        *,
        patience_seconds: float,
        uploads_in_flight: int,
    ) -> None:
        self._calls = calls
        self._progress = ProgressCounter(on_progress)
        self._patience = Patience(seconds=patience_seconds, on_waiting=self._progress.say_waiting)
        self._readers = ThreadPoolExecutor(_READERS, "soutu-read")
        self._senders = ThreadPoolExecutor(uploads_in_flight, "soutu-send")
        self._sending: dict[Future[Upload], _ReadFile] = {}
        self._sent: SimpleQueue[Future[Upload]] = SimpleQueue()
        self._contents_sending: set[str] = set()
        self._twins: list[_ReadFile] = []
        self._added: list[AddedFile] = []
        self._known: list[KnownFile] = []
        self._deleted: list[KnownFile] = []
        self._failed: list[FileProblem] = []
        self._ignored: Counter[str] = Counter()
        self._arrived: list[Arrival] = []
        self.on_arrived: Callable[[Patience, Sequence[Arrival]], None] | None = None

    def run(self, find: Callable[[], Walk]) -> AddResult:
        """Add everything that is found and say what became of it."""
        began = time.monotonic()
        interruption = None
        try:
            found = find()
            self._ignored += found.ignored
            self._failed += [self._problem(path, error) for path, error in found.problems]
            self._progress.count(files_total=len(found.files), bytes_total=sum(file.size_bytes for file in found.files))
            self._add(found.files)
        except ENDING_ERRORS as error:
            interruption = error
        except BaseException:
            self._end(is_waiting=False)
            raise
        self._end(is_waiting=True)
        last = self._progress.finish()
        return AddResult(
            added=tuple(self._added),
            known=tuple(self._known),
            deleted=tuple(self._deleted),
            failed=tuple(self._failed),
            ignored=dict(self._ignored),
            not_tried=last.files_total - last.files_done,
            interruption=interruption,
            seconds=time.monotonic() - began,
        )

    def _end(self, *, is_waiting: bool) -> None:
        self._patience.stop()
        self._readers.shutdown(wait=is_waiting, cancel_futures=True)
        self._senders.shutdown(wait=is_waiting, cancel_futures=True)

    def _add(self, files: Sequence[FoundFile]) -> None:
        for batch in _batches(self._read(files)):
            self._ask(batch)
            self._keep_results(most_in_flight=2 * _BATCH_FILES)
            self._hand_over(at_least=_BATCH_FILES)
        self._keep_results(most_in_flight=0)
        while self._twins:  # the same content twice: its second name is told when the first file has arrived
            batch, self._twins = self._twins[:_BATCH_FILES], self._twins[_BATCH_FILES:]
            self._ask(batch)
            self._keep_results(most_in_flight=0)
        self._hand_over(at_least=1)

    def _hand_over(self, *, at_least: int) -> None:
        if len(self._arrived) >= at_least and self.on_arrived is not None:
            arrived, self._arrived = self._arrived, []
            self.on_arrived(self._patience, arrived)

    def _read(self, files: Iterable[FoundFile]) -> Iterator[_ReadFile]:
        """Yield files with their digests, in order, reading a little ahead."""
        ahead: deque[tuple[FoundFile, Future[FileContent]]] = deque()
        waiting = iter(files)
        while True:
            while len(ahead) < _READ_AHEAD and (file := next(waiting, None)):
                ahead.append((file, self._readers.submit(self._read_one, file)))
            if not ahead:
                return
            file, future = ahead.popleft()
            try:
                yield _ReadFile(file, future.result())
            except OSError as error:
                self._fail(file, error)

    def _read_one(self, file: FoundFile) -> FileContent:
        return read_content(file.path, opened=file.opened, modified_ns=file.modified_ns, is_stopped=self._is_stopped)

    def _is_stopped(self) -> bool:
        return self._patience.is_stopped

    def _ask(self, batch: Sequence[_ReadFile]) -> None:
        """Ask what is there of a batch, and send the rest."""
        pairs = [(read.content.sha256, read.file.name) for read in batch]
        request = convert.find_contents_request(pairs)
        try:
            answer = self._patience.call(lambda: self._calls.unary(self._calls.photos.FindContents, request))
        except ENDING_ERRORS:
            raise
        except SoutuError as error:
            if len(batch) == 1:
                self._fail(batch[0].file, error)
            else:  # one of them is refused, perhaps for its name: find out which
                self._ask(batch[: len(batch) // 2])
                self._ask(batch[len(batch) // 2 :])
            return
        for read, found in zip(batch, convert.found_contents(answer), strict=True):
            if found.photo_id is not None:
                self._keep_known(read.file, found, photo_id=found.photo_id)
            elif read.content.sha256 in self._contents_sending:
                self._twins.append(read)
            else:
                self._contents_sending.add(read.content.sha256)
                future = self._senders.submit(self._send, read)
                self._sending[future] = read
                future.add_done_callback(self._sent.put)

    def _keep_known(self, file: FoundFile, found: FoundContent, *, photo_id: str) -> None:
        known = KnownFile(path=file.path, photo_id=photo_id, state=found.state or PhotoState.UNKNOWN)
        (self._deleted if found.deleted else self._known).append(known)
        if not found.deleted:
            self._arrived.append(Arrival(file, photo_id))
        self._progress.count(files_done=1, bytes_done=file.size_bytes)

    def _send(self, read: _ReadFile) -> Upload:
        """Upload a file, from the beginning again after the service was away. Runs in the senders' threads."""
        counted = 0

        def on_bytes(number: int) -> None:
            nonlocal counted
            counted += number
            self._progress.count(bytes_done=number)

        def attempt() -> Upload:
            on_bytes(-counted)
            return upload_content(self._calls, read.content, name=read.file.name, on_bytes=on_bytes, is_stopped=self._is_stopped)

        upload = self._patience.call(attempt)
        on_bytes(read.file.size_bytes - counted)
        return upload

    def _keep_results(self, *, most_in_flight: int) -> None:
        """Keep what the uploads became, waiting until at most so many are under way."""
        while self._sending and (len(self._sending) > most_in_flight or not self._sent.empty()):
            future = self._sent.get()
            read = self._sending.pop(future)
            self._contents_sending.discard(read.content.sha256)
            try:
                upload = future.result()
            except ENDING_ERRORS:
                raise
            except (OSError, SoutuError) as error:
                self._fail(read.file, error)
                continue
            file = AddedFile(path=read.file.path, name=upload.name, photo_id=upload.photo_id, created=upload.created)
            self._added.append(file)
            self._arrived.append(Arrival(read.file, upload.photo_id))
            self._progress.count(files_done=1, files_uploaded=1)

    def _fail(self, file: FoundFile, error: OSError | SoutuError) -> None:
        if isinstance(error, SoutuError) and error.reason == _NOT_A_PHOTO:
            self._ignored[file.path.suffix.lower()] += 1
            self._progress.count(files_done=1)
        else:
            self._failed.append(self._problem(file.path, error))
            self._progress.count(files_done=1, files_failed=1)

    def _problem(self, path: Path, error: OSError | SoutuError) -> FileProblem:
        message = error.message if isinstance(error, SoutuError) else describe_os_error(error, self._calls.language)
        return FileProblem(path=path, message=message, error=error)


def _batches(files: Iterable[_ReadFile]) -> Iterator[list[_ReadFile]]:
    """Yield files in batches that are small enough for the first uploads to begin soon."""
    batch: list[_ReadFile] = []
    size = 0
    for read in files:
        batch.append(read)
        size += read.content.size_bytes
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
