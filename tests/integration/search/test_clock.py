"""A clock that jumps by a year, either way: nothing is ordered or waited for by it, nothing stops and nothing storms."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

import soutu_services.search
from colour_encoder import ColourEncoder
from patience import eventually
from search_house import SearchHouse, picture
from soutu_client import JobState

_YEAR = timedelta(days=365)


class Clock:
    """The calendar that the search service reads, set off by what a test says."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self, zone: tzinfo | None = None) -> datetime:
        return datetime.now(zone) + self.offset


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("soutu_services.search.catalog.clock.now", lambda: made.now(UTC))
    for name in ("sync", "uploads", "write_keeper", "embedder_watch", "backups"):
        monkeypatch.setattr(f"soutu_services.search.{name}.now", lambda: made.now(UTC))
    return made


@pytest.fixture(params=[_YEAR, -_YEAR], ids=["forwards", "backwards"])
def jump(request: pytest.FixtureRequest) -> timedelta:
    return request.param  # type: ignore[no-any-return]


def test_a_jump_while_photos_come_in_costs_nothing(
    house: SearchHouse, clock: Clock, jump: timedelta, encoder: ColourEncoder
) -> None:
    photos = [house.upload("0.png", picture("红", 0))]
    clock.offset = jump
    photos.append(house.upload("1.png", picture("红", 1)))
    house.bucket("photos").put("dropped.png", picture("红", 2))
    job = house.sync()
    assert (job.state, job.message) == (JobState.SUCCEEDED, "")
    clock.offset = timedelta()
    photos.append(house.upload("3.png", picture("红", 3)))
    house.settled()
    assert house.sync().state is JobState.SUCCEEDED
    assert len(house.listed()) == 4
    assert encoder.images_embedded == 4, "files of our own that are read again are not embedded again"
    assert all(house.photo(photo).added_at is not None for photo in photos)
    assert len(house.found("红")) == 4


def test_jobs_are_in_the_order_they_were_started_in(house: SearchHouse, clock: Clock, jump: timedelta) -> None:
    first = house.sync().job_id
    clock.offset = jump
    second = house.sync().job_id
    clock.offset = timedelta()
    third = house.sync().job_id
    assert [job.job_id for job in house.client.jobs().jobs] == [third, second, first]
    assert all(job.ended_at is not None for job in house.client.jobs().jobs)


def test_a_job_that_ends_before_it_began_is_over_all_the_same(house: SearchHouse, clock: Clock, encoder: ColourEncoder) -> None:
    encoder.gate.clear()
    house.bucket("photos").put("a.png", picture("红"))
    job = house.client.start_sync()
    eventually(lambda: house.client.job(job.job_id).photos_total == 1)
    clock.offset = -_YEAR
    encoder.gate.set()
    ended = list(house.client.watch_job(job.job_id, timeout_seconds=120))[-1]
    assert ended.state is JobState.SUCCEEDED
    status = house.client.status()
    assert (status.photos_ready, status.pending_since) == (1, None)


def test_periodic_syncs_neither_stop_nor_storm(start_house: Callable[..., SearchHouse], clock: Clock, jump: timedelta) -> None:
    house = start_house(sync={"interval_seconds": 1.0})
    eventually(lambda: house.client.status().sources[0].synced_at)
    clock.offset = jump
    before = len(house.client.jobs(page_size=200).jobs)
    house.bucket("photos").put("a.png", picture("红"))
    eventually(lambda: house.client.status().photos_ready == 1)
    again = house.service._housekeeper._due["sync"]
    eventually(lambda: house.service._housekeeper._due["sync"] > again)
    assert house.service._housekeeper._due["sync"] - again >= 1.0, "they keep their distance"
    assert before >= 1


def test_photos_that_wait_over_a_jump_and_a_restart_are_embedded(
    house: SearchHouse, clock: Clock, jump: timedelta, encoder: ColourEncoder
) -> None:
    encoder.gate.clear()
    photo = house.upload("a.png", picture("红"))
    clock.offset = jump
    encoder.gate.set()
    house.restart()
    house.settled()
    assert house.found("红") == [photo]


def test_a_backup_from_the_future_is_restored(house: SearchHouse, clock: Clock, tmp_path: Path) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    clock.offset = _YEAR
    made = house.client.create_backup(tmp_path / "soutu.backup")
    assert made.created_at > datetime.now(UTC) + timedelta(days=300)
    clock.offset = -_YEAR
    house.client.restore_backup(tmp_path / "soutu.backup", wait_seconds=0)
    house.restart()
    house.settled()
    assert house.listed() == {photo}


def test_the_calendar_is_read_in_one_place() -> None:
    folder = Path(soutu_services.search.__file__).parent
    readers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"datetime\.(now|utcnow|today)\(|date\.today\(|localtime\(", path.read_text(encoding="utf-8"))
    }
    assert readers == {"catalog/clock.py"}
