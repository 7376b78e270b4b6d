"""The work of a re-index: see that a space is filled with every photo while another serves, then let it serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog, Filling
from soutu_services.search.embedding_errors import EmbedderAway
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.index import BuildStopped
from soutu_services.search.ingest.fill_lane import SpaceToFill
from soutu_services.search.job_runner import JobControl, JobInterrupted, JobResult
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import Job, JobKind, JobState

__all__ = ["FillingPump", "ReindexJob"]

_POLL_SECONDS = 0.25
_COUNT_SHARE = 10.0
"""Counting may take one in so many seconds."""
_FEW = 256
_PASSED_OVER = 20
_PASSED_OVER_SHARE = 0.01
_NOTHING = Text(zh="", en="")


class FillingPump(Protocol):
    """What a re-index needs of the pump that fills spaces."""

    def wake(self) -> None:
        """Look for work now."""
        ...

    def passed_over(self, space_id: str) -> Collection[str]:
        """Photos that cannot be embedded into a space now though others can."""
        ...

    def problem(self, space_id: str) -> Text:
        """What keeps a space from being filled now; empty if nothing does."""
        ...


class _NotYetComplete(Exception):  # noqa: N818 - it is no error: a photo came in between
    """The space lacks photos after all."""


class ReindexJob:
    """Runs re-indexes (blue/green). One runs at a time.

    The pump does the filling; the job says what is to be filled, and switches. A space is complete when every shown photo that
    has been read is embedded in it or was refused by its model. While photos go on coming, it is complete when it lacks only
    photos that the space that serves lacks too: nothing that is found by its look now is lost by the switch. Photos that can
    be embedded by neither hook nor crook now (their thumbnail and their original are away) are waited for only if they are
    many.

    Args:
        catalog: The catalog.
        index: The index, which holds that of the space to come beside the one that serves for a moment.
        link: The embedding services.
        pump: Gives what fills the spaces.
    """

    def __init__(self, catalog: Catalog, index: LibraryIndex, link: EmbeddingLink, *, pump: Callable[[], FillingPump]) -> None:
        self._catalog = catalog
        self._index = index
        self._link = link
        self._pump = pump
        self._nearly_complete = ""

    def spaces(self) -> Sequence[SpaceToFill]:
        """Name the spaces to fill now, the most urgent first: the one that serves, then the one of the re-index that runs.

        When the latter lacks only few photos, it is the first: so that its remainder ends however fast photos come.
        """
        serving = self._catalog.embeddings.serving_space()
        spaces = [SpaceToFill(serving.space_id, in_background=False)] if serving else []
        for job in self._catalog.jobs.unfinished(JobKind.REINDEX):
            if job.state is JobState.RUNNING and (serving is None or serving.space_id != job.space_id):
                spaces.append(SpaceToFill(job.space_id, in_background=True))
        return sorted(spaces, key=lambda space: space.space_id != self._nearly_complete)

    def run(self, job: Job, control: JobControl) -> JobResult:
        """Do a job's work; what is embedded stays so, whatever happens.

        Raises:
            JobInterrupted: the job was paused or cancelled, or the service stops.
        """
        self._pump().wake()
        try:
            while not self._has_switched(job, control):
                pass
        finally:
            self._nearly_complete = ""
            self._index.discard()
            self._pump().wake()
        return JobResult(succeeded=True, message=_NOTHING)

    def _has_switched(self, job: Job, control: JobControl) -> bool:
        """Look how far the space is, and switch if it is complete; otherwise wait a little."""
        control.checkpoint()
        began = time.monotonic()
        filling = self._filling(job)
        cost = time.monotonic() - began
        if _is_complete(filling):
            try:
                self._switch(job, control)
            except _NotYetComplete:
                pass
            else:
                return True
        self._nearly_complete = job.space_id if filling.left <= _FEW else ""
        control.report(**_counts(filling), message=self._waiting_for(job, filling))
        control.sleep(max(_POLL_SECONDS, _COUNT_SHARE * cost))
        return False

    def _filling(self, job: Job) -> Filling:
        return self._catalog.fillings.progress(job.space_id, self._pump().passed_over(job.space_id))

    def _switch(self, job: Job, control: JobControl) -> None:
        """Let the space serve and end the job, both in one transaction, once its index is made.

        Raises:
            _NotYetComplete: photos came meanwhile.
            JobInterrupted: the job was paused or cancelled meanwhile.
        """

        def commit() -> None:
            with self._catalog.transaction():
                if self._catalog.jobs.get(job.job_id).state is not JobState.RUNNING:
                    raise JobInterrupted
                filling = self._filling(job)
                if not _is_complete(filling):
                    raise _NotYetComplete
                control.report(**_counts(filling), message=_NOTHING)
                self._catalog.embeddings.set_serving_space(job.space_id)
                self._catalog.jobs.set_state(job.job_id, JobState.SUCCEEDED, message=_switched(filling))

        try:
            self._index.switch(job.space_id, commit, is_stopped=lambda: control.is_interrupted)
        except BuildStopped:
            raise JobInterrupted from None

    def _waiting_for(self, job: Job, filling: Filling) -> Text:
        for problem in (self._unavailable(job.space_id), self._pump().problem(job.space_id)):
            if problem.en:
                return problem
        if not filling.left and filling.passed_over:
            return _too_many_passed_over(filling.passed_over)
        return _NOTHING

    def _unavailable(self, space_id: str) -> Text:
        """Say why nothing embeds pictures into a space now; empty if something does."""
        if self._link.model(space_id) is not None:
            return _NOTHING
        if not self._link.offered:
            problem = self._link.problem
            return problem if problem.en else EmbedderAway().text
        name = next((space.model for space in self._catalog.embeddings.spaces() if space.space_id == space_id), space_id)
        return Text(
            zh=f"在等向量服务提供模型 {name}；请把它加进 SOUTU_EMBEDDING_MODELS 后重启向量服务",
            en=f"waits until the embedding service offers {name}; add it to SOUTU_EMBEDDING_MODELS and restart that service",
        )


def _is_complete(filling: Filling) -> bool:
    if filling.passed_over > max(_PASSED_OVER, _PASSED_OVER_SHARE * filling.photos):
        return False
    return filling.left == 0 or (filling.left <= _FEW and filling.left_ready == 0)


def _counts(filling: Filling) -> dict[str, int]:
    return {
        "photos_total": filling.photos,
        "photos_done": filling.photos - filling.left - filling.passed_over,
        "photos_unreadable": filling.refused,
    }


def _switched(filling: Filling) -> Text:
    zh, en = (
        ["已换用新模型；想换回去，运行 soutu reindex --back"],
        ["the new model serves; soutu reindex --back returns to the old one"],
    )
    if filling.refused:
        zh.append(f"新模型无法处理 {filling.refused} 张照片")
        en.append(f"the new model refused {filling.refused} photos")
    if filling.passed_over:
        zh.append(f"有 {filling.passed_over} 张照片暂时读不出来，会自动重试")
        en.append(f"{filling.passed_over} photos cannot be read for now and are tried again by themselves")
    return Text(zh="；".join(zh), en="; ".join(en))


def _too_many_passed_over(photos: int) -> Text:
    return Text(
        zh=f"有 {photos} 张照片暂时读不出来，每隔几分钟重试一次；请检查照片所在的磁盘和向量服务的日志",
        en=f"{photos} photos cannot be embedded for now and are tried again every few minutes; check the photos' disk and the "
        "embedding service's log",
    )
