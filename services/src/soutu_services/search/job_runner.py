"""Jobs as rows: begun, watched, paused, gone on with, cancelled, and gone on with after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soutu_services.runtime.errors import NotFound, SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.model import Job, JobKind, JobState

__all__ = ["JobControl", "JobInterrupted", "JobResult", "JobRunner"]

_logger = logging.getLogger(__name__)

_KEPT_JOBS = 200
_MOST_SYNCS = 4
"""Syncs, of different sources, that run at the same time; of each other kind one does."""
_WATCH_SECONDS = 0.25
_REPORT_SECONDS = 0.2
_JOIN_SECONDS = 10.0
_AGAIN_SECONDS = 5.0
_INTERNAL = Text(
    zh="任务内部出错，原因已写入服务日志，请稍后重试", en="the job failed inside; the service's log says why. Try again later"
)


class JobInterrupted(Exception):  # noqa: N818 - it is an order, not an error
    """The job is to stop its work now: it was paused or cancelled, or the service stops."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: whether as it should, and what a person is to know; the message may be empty."""

    succeeded: bool
    message: Text


class JobControl:
    """A job's line to the person who started it.

    Attributes:
        relist: Set when a person asks for what the job does, or for more than it does, while it already runs.
    """

    def __init__(self, catalog: Catalog, job_id: str) -> None:
        self._catalog = catalog
        self._job_id = job_id
        self._interrupted = threading.Event()
        self._reported_at = 0.0
        self.relist = threading.Event()

    def interrupt(self) -> None:
        """Make the job stop its work at its next checkpoint."""
        self._interrupted.set()

    @property
    def is_interrupted(self) -> bool:
        """Whether the job is to stop."""
        return self._interrupted.is_set()

    def checkpoint(self) -> None:
        """Go on, unless the job is to stop.

        Raises:
            JobInterrupted: it is.
        """
        if self._interrupted.is_set():
            raise JobInterrupted

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            JobInterrupted: the job is to stop.
        """
        if self._interrupted.wait(seconds):
            raise JobInterrupted

    def report(self, **progress: Any) -> None:
        """Write down how far the job has come (see ``Jobs.update_progress``), some times a second at most."""
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_SECONDS or progress.get("photos_done") is not None:
            self._reported_at = now
            self._catalog.jobs.update_progress(self._job_id, **progress)


@dataclass(frozen=True, slots=True)
class _Active:
    """A job that has a thread."""

    kind: JobKind
    control: JobControl
    thread: threading.Thread


class JobRunner:
    """Runs the catalog's jobs, each on a thread of its own. Thread safe.

    Args:
        catalog: The catalog.
        runs: Does the work of a job, by kind.
        sources: Names of all sources.
        on_change: Called with the sources of paused syncs when a job was begun, paused, gone on with or ended.
    """

    def __init__(
        self,
        catalog: Catalog,
        runs: Mapping[JobKind, Callable[[Job, JobControl], JobResult]],
        *,
        sources: Sequence[str],
        on_change: Callable[[frozenset[str]], None],
    ) -> None:
        self._catalog = catalog
        self._runs = dict(runs)
        self._sources = tuple(sources)
        self._on_change = on_change
        self._lock = threading.RLock()
        self._active: dict[str, _Active] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Go on with the jobs that a stop or a crash interrupted."""
        self._changed()

    def stop(self) -> None:
        """Interrupt all work and end the threads; the jobs go on when the service starts again."""
        self._stopping.set()
        with self._lock:
            active = list(self._active.values())
        for one in active:
            one.control.interrupt()
        for one in active:
            one.thread.join(_JOIN_SECONDS)

    def start_sync(self, sources: Sequence[str] = ()) -> Job:
        """Start a sync of some sources, or of all. One that covers them already lists again, and is gone on with if it is paused.

        Raises:
            NotFound: there is no such source.
        """
        unknown = [name for name in sources if name not in self._sources]
        if unknown:
            raise NotFound(
                "SOURCE_NOT_FOUND", zh="没有这个照片来源，请用 status 查看", en="there is no such source; see the status"
            )
        with self._lock:
            for job in self._catalog.jobs.unfinished(JobKind.SYNC):
                if not job.sources or (sources and set(sources) <= set(job.sources)):
                    if job.state is JobState.PAUSED:
                        return self.resume(job.job_id)
                    if job.job_id in self._active:
                        self._active[job.job_id].control.relist.set()
                    return job
            return self._create(JobKind.SYNC, sources=tuple(dict.fromkeys(sources)))

    def start_single(self, kind: JobKind, *, space_id: str = "", options: Sequence[str] = (), paused: bool = False) -> Job:
        """Start a job of a kind of which one is open at a time; if one is, that one is returned, gone on with if it is paused.

        It does what was asked of it before and what is asked now: where an option is new to it, it begins again. With ``paused``
        it rests instead, from the first.
        """
        with self._lock:
            for found in self._catalog.jobs.unfinished(kind):
                job = found if set(options) <= set(found.options) else self._widen(found.job_id, options)
                if paused:
                    return self.pause(job.job_id)
                return self.resume(job.job_id) if job.state is JobState.PAUSED else job
            return self._create(kind, space_id=space_id, options=options, paused=paused)

    def _widen(self, job_id: str, options: Sequence[str]) -> Job:
        """Give an open job further options; one that runs stops, and begins again with them when its thread has ended."""
        job = self._catalog.jobs.add_options(job_id, options)
        active = self._active.get(job_id)
        if active is not None:
            active.control.relist.set()
            active.control.interrupt()
        return job

    def start_periodic_sync(self) -> None:
        """Start a sync of all sources unless a job is open: one that runs lists again by itself, a paused one is to rest."""
        with self._lock:
            if not self._catalog.jobs.unfinished(JobKind.SYNC):
                self.start_sync()

    def pause(self, job_id: str) -> Job:
        """Pause a job; what is done stays done.

        Raises:
            NotFound: there is no such job.
            FailedPrecondition: it is over.
        """
        return self._set_state(job_id, JobState.PAUSED)

    def resume(self, job_id: str) -> Job:
        """Go on with a paused job.

        Raises:
            NotFound: there is no such job.
            FailedPrecondition: it is over.
        """
        return self._set_state(job_id, JobState.RUNNING)

    def cancel(self, job_id: str) -> Job:
        """End a job early; what is done stays done. Cancelling it again changes nothing.

        What a sync found and is not read yet is left for the next one.

        Raises:
            NotFound: there is no such job.
            FailedPrecondition: it ended otherwise.
        """
        with self._lock:
            was_over = self._catalog.jobs.get(job_id).state.is_over
            job = self._set_state(job_id, JobState.CANCELLED)
            active = self._active.get(job_id)
        if was_over:
            return job
        if active is not None:
            active.thread.join(_JOIN_SECONDS)
        if job.kind is JobKind.SYNC:
            self._catalog.objects.forget_unread(job.sources or self._sources)
            with self._lock:
                for other in self._active.values():
                    other.control.relist.set()  # what was taken back may have been another sync's too
        return job

    def watch(self, job_id: str, *, is_wanted: Callable[[], bool]) -> Iterator[Job]:
        """Yield a job as it is now and whenever it has changed, until it is over, nobody watches, or the service stops.

        Raises:
            NotFound: there is no such job.
        """
        last: Job | None = None
        while is_wanted():
            job = self._catalog.jobs.get(job_id)
            if job != last:
                yield job
                last = job
            if job.state.is_over or self._stopping.wait(_WATCH_SECONDS):
                return

    def _set_state(self, job_id: str, state: JobState) -> Job:
        with self._lock:
            job = self._catalog.jobs.set_state(job_id, state, message=Text(zh="", en=""))
            if job.state is not JobState.RUNNING and job_id in self._active:
                self._active[job_id].control.interrupt()
            self._changed()
            return job

    def _create(
        self, kind: JobKind, *, sources: Sequence[str] = (), space_id: str = "", options: Sequence[str] = (), paused: bool = False
    ) -> Job:
        state = JobState.PAUSED if paused else JobState.RUNNING
        job = self._catalog.jobs.create(kind, sources, space_id=space_id, options=options, state=state)
        self._catalog.jobs.forget_old(_KEPT_JOBS)
        self._changed()
        return job

    def _changed(self) -> None:
        """Make what runs follow from the jobs' states."""
        with self._lock:
            jobs = self._catalog.jobs.unfinished()
            self._on_change(self._held_back([job for job in jobs if job.kind is JobKind.SYNC]))
            for job in jobs:
                if job.state is JobState.RUNNING and job.job_id not in self._active and self._has_room(job.kind):
                    control = JobControl(self._catalog, job.job_id)
                    name = f"job-{job.kind.value.lower()}"
                    thread = threading.Thread(target=self._work, args=(job, control), name=name, daemon=True)
                    self._active[job.job_id] = _Active(job.kind, control, thread)
                    thread.start()

    def _held_back(self, syncs: Sequence[Job]) -> frozenset[str]:
        """Name the sources of paused syncs that no running one reads."""
        paused = {name for job in syncs if job.state is JobState.PAUSED for name in job.sources or self._sources}
        running = {name for job in syncs if job.state is JobState.RUNNING for name in job.sources or self._sources}
        return frozenset(paused - running)

    def _has_room(self, kind: JobKind) -> bool:
        most = _MOST_SYNCS if kind is JobKind.SYNC else 1
        return not self._stopping.is_set() and sum(one.kind is kind for one in self._active.values()) < most

    def _work(self, job: Job, control: JobControl) -> None:
        try:
            while not self._end(job, control, self._result(job, control)):
                continue
        except JobInterrupted:
            pass
        except Exception:
            _logger.exception("the end of a job could not be written; it runs again")
            self._stopping.wait(_AGAIN_SECONDS)
        finally:
            with self._lock:
                self._active.pop(job.job_id, None)
                if not self._stopping.is_set():
                    self._changed()  # it may have been gone on with before it had stopped

    def _result(self, job: Job, control: JobControl) -> JobResult:
        try:
            return self._runs[job.kind](job, control)
        except JobInterrupted:
            raise
        except SoutuError as error:
            return JobResult(succeeded=False, message=error.text)
        except Exception:
            _logger.exception("a job failed")
            return JobResult(succeeded=False, message=_INTERNAL)

    def _end(self, job: Job, control: JobControl, result: JobResult) -> bool:
        """Write down how a job ended; say so, or that somebody was promised another listing, or more, by it just before."""
        with self._lock:
            if self._catalog.jobs.get(job.job_id).state is JobState.RUNNING:
                if control.relist.is_set():
                    return False
                state = JobState.SUCCEEDED if result.succeeded else JobState.FAILED
                self._catalog.jobs.set_state(job.job_id, state, message=result.message)
            return True
