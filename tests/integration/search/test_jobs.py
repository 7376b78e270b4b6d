"""Jobs: watched, paused, gone on with, cancelled, outliving a restart."""

from __future__ import annotations

import pytest

from colour_encoder import ColourEncoder
from patience import PATIENCE, eventually
from search_house import SearchHouse, picture
from soutu_client import JobState, NotFoundError, NotReadyError


def test_watch_shows_progress_until_the_end(house: SearchHouse, encoder: ColourEncoder) -> None:
    _drop(house, 6)
    encoder.gate.clear()
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 6)
    watched = house.client.watch_job(job.job_id, timeout_seconds=PATIENCE)
    seen = [next(watched)]
    encoder.gate.set()
    seen += watched
    assert seen[0].state is JobState.RUNNING
    assert seen[0].photos_done < 6
    assert (seen[-1].state, seen[-1].photos_done, seen[-1].objects_seen) == (JobState.SUCCEEDED, 6, 6)
    assert seen[-1].ended_at is not None
    assert house.client.jobs().jobs[0].job_id == job.job_id


def test_running_sync_is_returned_instead_of_a_second_one(house: SearchHouse, encoder: ColourEncoder) -> None:
    _drop(house, 2)
    encoder.gate.clear()
    first = house.client.start_sync()
    assert house.client.start_sync(["photos"]).job_id == first.job_id
    encoder.gate.set()
    list(house.client.watch_job(first.job_id, timeout_seconds=PATIENCE))
    assert len(house.client.jobs().jobs) == 1


def test_paused_job_rests_over_a_restart_and_is_gone_on_with(house: SearchHouse, encoder: ColourEncoder) -> None:
    encoder.gate.clear()
    _drop(house, 4)
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 4)
    assert house.client.pause_job(job.job_id).state is JobState.PAUSED
    encoder.gate.set()
    _drop(house, 8)
    house.restart()
    uploaded = house.upload("mine.png", picture("红", 99))
    eventually(lambda: house.photo(uploaded).state.name == "READY")  # what a person brings is not held up
    assert house.client.job(job.job_id).state is JobState.PAUSED
    assert house.client.status().jobs[0].job_id == job.job_id
    house.client.resume_job(job.job_id)
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]
    assert ended.state is JobState.SUCCEEDED
    assert house.client.status().photos_ready == 9


def test_what_a_paused_job_has_listed_is_not_read_at_a_restart(house: SearchHouse) -> None:
    _drop(house, 60)
    house.service._reading.stop(PATIENCE)  # listed, but not read
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 60)
    house.client.pause_job(job.job_id)
    house.restart()
    uploaded = house.upload("mine.png", picture("红", 99))
    eventually(lambda: house.photo(uploaded).state.name == "READY")
    assert house.listed() == {uploaded}
    house.client.resume_job(job.job_id)
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]
    assert ended.state is JobState.SUCCEEDED
    assert house.client.status().photos_ready == 61


def test_running_job_goes_on_after_a_restart(house: SearchHouse, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder.gate.clear()
    _drop(house, 5)
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 5)
    stop_jobs = house.service.drain

    def stop_jobs_then_embed() -> None:
        stop_jobs()
        encoder.gate.set()

    monkeypatch.setattr(house.service, "drain", stop_jobs_then_embed)
    house.restart()
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]
    assert (ended.state, ended.photos_done) == (JobState.SUCCEEDED, 5)


def test_cancelled_job_leaves_the_rest_for_the_next_sync(house: SearchHouse, encoder: ColourEncoder) -> None:
    _drop(house, 5)
    house.service._reading.stop(PATIENCE)  # nothing is read meanwhile
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 5)
    assert house.client.cancel_job(job.job_id).state is JobState.CANCELLED
    assert house.client.status().photos_pending == 0
    second = house.client.start_sync()
    eventually(lambda: house.client.job(second.job_id).photos_total == 5)
    assert house.client.cancel_job(job.job_id).state is JobState.CANCELLED
    assert house.client.status().photos_pending == 5, "cancelling what is cancelled changes nothing"
    house.client.cancel_job(second.job_id)
    house.restart()
    assert house.client.job(job.job_id).state is JobState.CANCELLED
    assert house.client.status().photos == 0
    ended = house.sync()
    assert (ended.job_id != job.job_id, ended.photos_done) == (True, 5)


def test_job_that_is_over_cannot_be_paused(house: SearchHouse) -> None:
    job = house.sync()
    with pytest.raises(NotReadyError, match="over"):
        house.client.pause_job(job.job_id)
    with pytest.raises(NotFoundError):
        house.client.cancel_job("no such job")


def _drop(house: SearchHouse, photos: int) -> None:
    for number in range(photos):
        house.bucket("photos").put(f"{number}.png", picture("红", number))
