"""The work of a sync job: list the sources, then wait until what was found is ingested."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from soutu_services.runtime.errors import SoutuError, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.job_runner import JobControl, JobResult
from soutu_services.search.model import Job
from soutu_services.search.sync import Listed, SourceListing, missing_text

__all__ = ["SyncJob"]

_POLL_SECONDS = 0.25
_COUNT_SECONDS = 0.5
_SLOWER = 4
"""How many times less often is looked while something is away that the job waits for."""
_LIST_TRIES = 5
_FIRST_RETRY_SECONDS = 0.5
_MANY_GONE = 20
_NOTHING = Text(zh="", en="")


@dataclass(slots=True)
class _Tally:
    """What a run has counted, on top of what was counted before a restart."""

    seen: int
    total: int
    done: int
    unreadable: int
    unreadable_before: int


class SyncJob:
    """Runs sync jobs.

    Args:
        catalog: The catalog.
        listing: Lists sources.
        all_sources: Names of all sources.
        finish_moves: Moves what belongs to deleted photos and is still, or again, in a source.
        waiting_for: Says what the ingest waits for; empty if for nothing.
        passed_over: Tells the objects, by ``object_id``, and the photos that cannot be read now though all else can: they are
            tried again, but no job waits for them.
        relist_seconds: Time after which a job that still waits lists its sources again; 0: never.
    """

    def __init__(
        self,
        catalog: Catalog,
        listing: SourceListing,
        *,
        all_sources: Sequence[str],
        finish_moves: Callable[[], None],
        waiting_for: Callable[[Sequence[str]], Text],
        passed_over: Callable[[], tuple[Collection[int], Collection[str]]],
        relist_seconds: float,
    ) -> None:
        self._catalog = catalog
        self._listing = listing
        self._all_sources = tuple(all_sources)
        self._finish_moves = finish_moves
        self._waiting_for = waiting_for
        self._passed_over = passed_over
        self._relist_seconds = relist_seconds

    def run(self, job: Job, control: JobControl) -> JobResult:
        """Do a job's work, from its beginning: what was done before costs a comparison.

        Raises:
            JobInterrupted: the job was paused or cancelled, or the service stops.
        """
        sources = [name for name in job.sources or self._all_sources if name in self._all_sources]
        counts = self._catalog.counts()
        tally = _Tally(0, job.photos_total, job.photos_done, job.photos_unreadable, counts.unreadable - job.photos_unreadable)
        while True:
            control.relist.clear()
            warnings = self._list(sources, tally, control)
            left = self._wait(sources, tally, control)
            if left is not None:
                break
        if left:
            warnings.append((False, _left_out(left)))
        self._report(tally, control, _NOTHING)
        return self._result(warnings)

    def _list(self, sources: Sequence[str], tally: _Tally, control: JobControl) -> list[tuple[bool, Text]]:
        """List the sources; return what to tell of it: (whether it failed, what)."""
        tally.seen = 0
        warnings: list[tuple[bool, Text]] = []

        def checkpoint(seen: int, to_read: int) -> None:
            tally.seen += seen
            tally.total += to_read
            control.checkpoint()
            control.report(objects_seen=tally.seen, photos_total=tally.total, message=_NOTHING)

        for name in sources:
            try:
                listed = self._list_source(name, checkpoint, control)
            except SoutuError as error:
                warnings.append((True, Text(zh=f"{name}：{error.text.zh}", en=f"{name}: {error.text.en}")))
                continue
            warnings += _gone(name, listed)
        try:
            self._finish_moves()
        except SoutuError as error:
            warnings.append((False, error.text))
        return warnings

    def _list_source(self, name: str, checkpoint: Callable[[int, int], None], control: JobControl) -> Listed:
        try:
            for attempt in range(_LIST_TRIES):
                try:
                    return self._listing.take_over(name, checkpoint=checkpoint)
                except Unavailable as error:
                    if attempt == _LIST_TRIES - 1:
                        raise
                    control.report(message=error.text)
                    control.sleep(_FIRST_RETRY_SECONDS * 2**attempt)
        except BaseException:
            self._listing.forget_word(name)
            raise
        raise AssertionError("unreachable")

    def _wait(self, sources: Sequence[str], tally: _Tally, control: JobControl) -> int | None:
        """Wait until what is known now is ingested, whatever comes later.

        Returns:
            How many files and photos were passed over; None: list again first.
        """
        last_object, _ = self._catalog.last_rows()
        last_photo: int | None = None
        began = time.monotonic()
        counted = 0.0
        pace = 1
        while not control.relist.is_set():
            objects, photos = self._passed_over()
            unread = self._unread(sources, last_object, objects)
            if last_photo is None and unread is not None:
                _, last_photo = self._catalog.last_rows()
            if last_photo is not None:
                not_embedded = self._not_embedded(last_photo, photos)
                if not_embedded is not None:
                    return (unread or 0) + not_embedded
            if 0 < self._relist_seconds < time.monotonic() - began:
                return None
            if time.monotonic() - counted > _COUNT_SECONDS * pace:
                waiting_for = self._waiting_for(sources)
                self._report(tally, control, waiting_for)
                pace = _SLOWER if waiting_for.en else 1
                counted = time.monotonic()
            control.sleep(_POLL_SECONDS * pace)
        return None

    def _unread(self, sources: Sequence[str], last_object: int, passed_over: Collection[int]) -> int | None:
        """Count the objects that are passed over; None while others await reading."""
        rows = self._catalog.objects.next_unread(len(passed_over) + 1, sources=sources)
        left = [row.object_id for row in rows if row.object_id <= last_object]
        return len(left) if all(object_id in passed_over for object_id in left) else None

    def _not_embedded(self, last_photo: int, passed_over: Collection[str]) -> int | None:
        """Count the photos that are passed over; None while others await their embedding."""
        space = self._catalog.embeddings.serving_space()
        if space is None:
            return 0 if self._catalog.counts().pending == 0 else None
        rows = self._catalog.embeddings.pending(space.space_id, len(passed_over) + 1)
        left = [photo_id for position, photo_id in rows if position <= last_photo]
        return len(left) if all(photo_id in passed_over for photo_id in left) else None

    def _report(self, tally: _Tally, control: JobControl, message: Text) -> None:
        counts = self._catalog.counts()
        remaining = counts.unread_objects + counts.pending
        tally.done = max(0, tally.total - remaining)
        tally.unreadable = min(tally.done, max(0, counts.unreadable - tally.unreadable_before))
        control.report(
            objects_seen=tally.seen,
            photos_total=tally.total,
            photos_done=tally.done,
            photos_unreadable=tally.unreadable,
            message=message,
        )

    @staticmethod
    def _result(warnings: Sequence[tuple[bool, Text]]) -> JobResult:
        message = Text(zh="；".join(text.zh for _, text in warnings), en="; ".join(text.en for _, text in warnings))
        return JobResult(succeeded=not any(failed for failed, _ in warnings), message=message)


def _left_out(files: int) -> Text:
    return Text(
        zh=f"有 {files} 个文件暂时读不出来，soutu 会自动重试；请检查这些文件的权限和所在的磁盘",
        en=f"{files} files cannot be read for now and are tried again by themselves; check their permissions and their disk",
    )


def _gone(name: str, listed: Listed) -> list[tuple[bool, Text]]:
    """Tell of what a source lacks where it is so much that a person may not know of it."""
    told = []
    if listed.kept:
        text = missing_text(listed.kept)
        told.append((False, Text(zh=f"{name}：{text.zh}", en=f"{name}: {text.en}")))
    if listed.gone > _MANY_GONE:
        text = Text(
            zh=f"{name}：有 {listed.gone} 个文件不在了，不再显示；它们回来时，一切照旧",
            en=f"{name}: {listed.gone} files are gone and not shown any more; if they come back, all is as before",
        )
        told.append((False, text))
    return told
