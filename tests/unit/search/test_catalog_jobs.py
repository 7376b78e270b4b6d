from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, NotFound
from soutu_services.runtime.language import Text
from soutu_services.search.job_runner import JobRunner
from soutu_services.search.model import JobKind, JobState, UnreadableReason
from soutu_services.search.page_tokens import list_digest, page_token


def test_a_job_outlives_a_restart(library: Any) -> None:
    job = library.catalog.jobs.create(JobKind.SYNC, ["photos", "nas"])
    message = Text(zh="读取中", en="reading")
    library.catalog.jobs.update_progress(job.job_id, objects_seen=5, photos_total=3, message=message)
    library.catalog.jobs.update_progress(job.job_id, photos_done=2, photos_unreadable=1)
    (found,) = library.reopen().jobs.unfinished(JobKind.SYNC)
    assert (found.state, found.sources, found.message) == (JobState.RUNNING, ("photos", "nas"), message)
    assert (found.objects_seen, found.photos_total, found.photos_done, found.photos_unreadable) == (5, 3, 2, 1)


def test_a_job_pauses_goes_on_and_ends_once(library: Any) -> None:
    jobs = library.catalog.jobs
    job_id = jobs.create(JobKind.SYNC).job_id
    assert jobs.set_state(job_id, JobState.PAUSED).state is JobState.PAUSED
    assert jobs.update_progress(job_id, photos_done=1).state is JobState.PAUSED, "progress does not undo a pause"
    jobs.set_state(job_id, JobState.RUNNING)
    ended = jobs.set_state(job_id, JobState.SUCCEEDED, message=Text(zh="好了", en="done"))
    assert (ended.ended_at is not None, ended.message.en) == (True, "done")
    assert jobs.unfinished() == []
    assert jobs.update_progress(job_id, photos_done=99).photos_done == 1
    assert jobs.set_state(job_id, JobState.SUCCEEDED) == ended
    with pytest.raises(FailedPrecondition):
        jobs.set_state(job_id, JobState.RUNNING)
    with pytest.raises(NotFound):
        jobs.get("nothing")


def test_a_job_that_rests_from_the_first_is_never_seen_to_run(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = library.catalog.jobs
    create = jobs.create
    seen = []

    def created(*given: Any, **named: Any) -> Any:
        job = create(*given, **named)
        seen.extend(one.state for one in jobs.unfinished())  # as another thread may that looks for work
        return job

    monkeypatch.setattr(jobs, "create", created)
    runner = JobRunner(library.catalog, {}, sources=(), on_change=lambda _: None)
    assert runner.start_single(JobKind.REINDEX, paused=True).state is JobState.PAUSED
    assert seen == [JobState.PAUSED]


def test_jobs_are_listed_newest_first(library: Any) -> None:
    jobs = library.catalog.jobs
    made = [jobs.create(JobKind.SYNC).job_id for _ in range(5)]
    first, token = jobs.list_page(limit=3)
    second, end = jobs.list_page(limit=3, page_token_text=token)
    assert [job.job_id for job in first + second] == made[::-1]
    assert end == ""
    with pytest.raises(InvalidInput):
        jobs.list_page(page_token_text="x")


@pytest.mark.parametrize("position", [1 << 63, -1, True, "1"])
def test_a_token_made_up_by_a_caller_is_refused(library: Any, position: Any) -> None:
    with pytest.raises(InvalidInput):
        library.catalog.jobs.list_page(page_token_text=page_token(list_digest("jobs"), [position]))


def test_it_is_known_when_a_source_was_synced(library: Any) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    library.catalog.jobs.record_synced("nas", datetime(2023, 1, 1, tzinfo=UTC))
    library.catalog.jobs.record_synced("nas", moment)
    assert library.reopen().jobs.synced_times() == {"nas": moment}


def test_counts_tell_how_the_library_is(library: Any) -> None:
    assert library.catalog.counts().photos == 0
    library.add("a.jpg", "aaaa")
    library.add("copy.jpg", "aaaa", source="nas")
    library.add("b.jpg", "bb", embedded=False)
    library.add("c.jpg", "c", unreadable=UnreadableReason.EMPTY)
    library.add("d.jpg", "d", unreadable=UnreadableReason.EMPTY)
    library.add("gone.jpg", "gone")
    library.catalog.objects.mark_gone("photos", ["gone.jpg"])
    library.catalog.photos.delete([library.add("deleted.jpg", "deleted")])
    library.catalog.objects.record_seen("nas", [library.seen("new.jpg", "new"), library.seen("x.txt", "text", ignored=True)])
    counts = library.reopen().counts()
    assert (counts.photos, counts.ready, counts.pending, counts.unreadable, counts.deleted) == (4, 1, 1, 2, 1)
    assert counts.unreadable_by_reason == {UnreadableReason.EMPTY: 2}
    assert counts.objects_by_source == {"nas": 3, "photos": 5}
    assert (counts.objects, counts.unread_objects, counts.ignored) == (8, 1, {".txt": 1})
    assert counts.size_bytes == 4 + 4 + 2 + 1 + 1 + len("deleted") + len("new")
    assert counts.pending_since is not None
