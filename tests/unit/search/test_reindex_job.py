"""When a re-index switches: over a real catalog and index, with the filling done by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import VectorIndex
from soutu_services.search.ingest.fill_lane import SpaceToFill
from soutu_services.search.job_runner import JobControl, JobInterrupted
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import Job, JobKind, JobState
from soutu_services.search.reindex_job import ReindexJob

SPACE, NEW = "5" * 32, "6" * 32


class Link:
    """An embedding service that has every model."""

    offered = ("all",)
    problem = Text(zh="", en="")

    def model(self, space_id: str) -> str:
        return space_id


class Pump:
    """Fills nothing by itself."""

    def __init__(self) -> None:
        self.aside: set[str] = set()

    def wake(self) -> None:
        pass

    def passed_over(self, space_id: str) -> Collection[str]:
        return self.aside

    def problem(self, space_id: str) -> Text:
        return Text(zh="", en="")


class Control(JobControl):
    """Does one thing of a list, instead of waiting, each time that the job waits; after them the job is interrupted."""

    def __init__(self, catalog: Catalog, job: Job, steps: list[Callable[[], object]]) -> None:
        super().__init__(catalog, job.job_id)
        self._steps = iter(steps)
        self.waited = 0

    def sleep(self, seconds: float) -> None:
        self.waited += 1
        step = next(self._steps, None)
        if step is None:
            raise JobInterrupted
        step()


class Setup:
    """A library with photos that are READY, a space to fill and a re-index of it."""

    def __init__(self, library: Any, tmp_path: Any, photos: int) -> None:
        self.library = library
        self.catalog: Catalog = library.catalog
        self.pump = Pump()
        self.served: list[VectorIndex] = []
        self.index = LibraryIndex(self.catalog, snapshot=tmp_path / "index.snapshot", on_made=self.served.append)
        self.photos = [library.add(f"{number}.jpg", str(number)) for number in range(photos)]
        self.catalog.embeddings.register_space(NEW, model="new", variant="test", dimension=4)
        self.index.load()
        self.job = self.catalog.jobs.create(JobKind.REINDEX, space_id=NEW)
        self.reindex = ReindexJob(self.catalog, self.index, Link(), pump=lambda: self.pump)  # type: ignore[arg-type]

    def put(self, *photo_ids: str) -> None:
        """Embed photos into the new space, as the pump does."""
        self.index.put(NEW, photo_ids, np.ones((len(photo_ids), 4), np.float32))

    def run(self, *steps: Callable[[], object]) -> int:
        """Run the job; return how often it waited."""
        control = Control(self.catalog, self.job, list(steps))
        with suppress(JobInterrupted):
            self.reindex.run(self.job, control)
        return control.waited

    @property
    def serving(self) -> str:
        space = self.catalog.embeddings.serving_space()
        assert space is not None
        return space.space_id

    @property
    def state(self) -> JobState:
        return self.catalog.jobs.get(self.job.job_id).state


@pytest.fixture
def setup(library: Any, tmp_path: Any) -> Iterator[Setup]:
    return Setup(library, tmp_path, 3)


def test_it_switches_once_the_last_photo_is_there(setup: Setup) -> None:
    first, *rest = setup.photos
    assert setup.run(lambda: setup.put(first), lambda: setup.put(*rest)) == 2
    assert (setup.serving, setup.state) == (NEW, JobState.SUCCEEDED)
    assert [(index.space_id, len(index)) for index in setup.served] == [(SPACE, 3), (NEW, 3)]


def test_a_photo_that_comes_while_the_index_is_made_is_waited_for(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.put(*setup.photos)
    late: list[str] = []
    switch = setup.index.switch

    def switch_late(space_id: str, commit: Callable[[], None], **options: Any) -> None:
        if not late:
            late.append(setup.library.add("late.jpg", "late"))
        switch(space_id, commit, **options)

    def put_late() -> None:
        assert (setup.serving, setup.state, len(setup.served)) == (SPACE, JobState.RUNNING, 1)
        setup.put(*late)

    monkeypatch.setattr(setup.index, "switch", switch_late)
    assert setup.run(put_late) == 1
    assert setup.serving == NEW
    assert len(setup.served[-1]) == 4


def test_a_job_that_is_cancelled_at_the_last_moment_does_not_switch(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.put(*setup.photos)
    prepare = setup.index.prepare

    def prepare_then_cancel(space_id: str, **options: Any) -> None:
        setup.catalog.jobs.set_state(setup.job.job_id, JobState.CANCELLED)
        prepare(space_id, **options)

    monkeypatch.setattr(setup.index, "prepare", prepare_then_cancel)
    setup.run()
    assert (setup.serving, setup.state) == (SPACE, JobState.CANCELLED)
    assert len(setup.served) == 1


def test_photos_that_neither_space_has_yet_do_not_hold_it_up(setup: Setup) -> None:
    setup.put(*setup.photos)
    setup.library.add("waiting.jpg", "waiting", embedded=False)
    assert setup.run() == 0
    assert setup.serving == NEW


def test_a_few_photos_that_cannot_be_read_now_do_not_hold_it_up_but_many_do(library: Any, tmp_path: Any) -> None:
    setup = Setup(library, tmp_path, 30)
    setup.pump.aside = set(setup.photos[:21])
    setup.put(*setup.photos[21:])
    assert setup.run() == 1
    assert (setup.serving, setup.state) == (SPACE, JobState.RUNNING)
    job = setup.catalog.jobs.get(setup.job.job_id)
    assert "21 photos cannot be embedded for now" in job.message.en
    assert job.photos_done == 9
    setup.pump.aside.pop()
    setup.put(*(set(setup.photos[:21]) - setup.pump.aside))
    assert setup.run() == 0
    assert setup.serving == NEW
    assert "20 photos cannot be read" in setup.catalog.jobs.get(setup.job.job_id).message.en


def test_what_serves_comes_first_until_only_a_few_are_left(library: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.reindex_job._FEW", 1)
    setup = Setup(library, tmp_path, 3)
    serving, filling = SpaceToFill(SPACE, in_background=False), SpaceToFill(NEW, in_background=True)
    orders: list[list[SpaceToFill]] = []

    def look() -> None:
        orders.append(list(setup.reindex.spaces()))

    def put_two() -> None:
        look()
        setup.put(*setup.photos[:2])

    setup.run(put_two, look)
    assert orders == [[serving, filling], [filling, serving]]
    assert list(setup.reindex.spaces()) == [serving, filling], "what is interrupted has no precedence"
    setup.catalog.jobs.set_state(setup.job.job_id, JobState.PAUSED)
    assert list(setup.reindex.spaces()) == [serving]
