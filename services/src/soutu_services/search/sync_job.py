"""The work of a sync job: list the sources, then wait until what was found is ingested."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soutu_services.runtime.errors import SoutuError, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.job_runner import JobControl, JobResult
from soutu_services.search.model import Job
from soutu_services.search.sync import SourceListing

__all__ = ["SyncJob"]

_POLL_SECONDS = 0.25
_COUNT_SECONDS = 0.5
_LIST_TRIES = 5
_FIRST_RETRY_SECONDS = 0.5
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
        relist_seconds: float,
    ) -> None:
        self._catalog = catalog
        self._listing = listing
        self._all_sources = tuple(all_sources)
        self._finish_moves = finish_moves
        self._waiting_for = waiting_for
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
            if self._wait(sources, tally, control):
                break
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
                kept = self._list_source(name, checkpoint, control)
            except SoutuError as error:
                warnings.append((True, Text(zh=f"{name}：{error.text.zh}", en=f"{name}: {error.text.en}")))
                continue
            if kept:
                warnings.append((False, _too_many_gone(name, kept)))
        try:
            self._finish_moves()
        except SoutuError as error:
            warnings.append((False, error.text))
        return warnings

    def _list_source(self, name: str, checkpoint: Callable[[int, int], None], control: JobControl) -> int:
        for attempt in range(_LIST_TRIES):
            try:
                return self._listing.take_over(name, checkpoint=checkpoint).kept
            except Unavailable as error:
                if attempt == _LIST_TRIES - 1:
                    raise
                control.report(message=error.text)
                control.sleep(_FIRST_RETRY_SECONDS * 2**attempt)
        raise AssertionError("unreachable")

    def _wait(self, sources: Sequence[str], tally: _Tally, control: JobControl) -> bool:
        """Wait until what is known now is ingested, whatever comes later; False: list again first."""
        last_object, _ = self._catalog.last_rows()
        last_photo: int | None = None
        began = time.monotonic()
        counted = 0.0
        while not control.relist.is_set():
            if last_photo is None and self._is_read(sources, last_object):
                _, last_photo = self._catalog.last_rows()
            if last_photo is not None and self._is_embedded(last_photo):
                return True
            if 0 < self._relist_seconds < time.monotonic() - began:
                return False
            if time.monotonic() - counted > _COUNT_SECONDS:
                self._report(tally, control, self._waiting_for(sources))
                counted = time.monotonic()
            control.sleep(_POLL_SECONDS)
        return False

    def _is_read(self, sources: Sequence[str], last_object: int) -> bool:
        unread = self._catalog.objects.next_unread(1, sources=sources)
        return not unread or unread[0].object_id > last_object

    def _is_embedded(self, last_photo: int) -> bool:
        space = self._catalog.embeddings.serving_space()
        if space is None:
            return self._catalog.counts().pending == 0
        pending = self._catalog.embeddings.pending(space.space_id, 1)
        return not pending or pending[0][0] > last_photo

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


def _too_many_gone(name: str, kept: int) -> Text:
    setting = "SOUTU_SEARCH_SYNC__GONE_SHARE"
    return Text(
        zh=f"{name}：有 {kept} 个文件不见了，多得不像是删除，因此没有改动图库。请检查磁盘是否已挂载；"
        f"若确实删除了，把设置 {setting} 调大后再同步",
        en=f"{name}: {kept} files are missing, too many to be taken for deleted, so the library was left as it is. "
        f"Check that the disk is mounted; if they really were deleted, raise {setting} and sync again",
    )
