"""A disk that is not mounted lists empty, or lacks a part: the library waits for a person's word, and forgets nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colour_encoder import ColourEncoder
from object_store import ObjectServer, serve_folder
from search_house import SearchHouse, eventually, photo_id_of, picture
from soutu_client import JobState, NotReadyError
from soutu_services.runtime.errors import SoutuError
from soutu_services.search.store import S3Store

_FEW = {"interval_seconds": 0, "gone_objects": 2, "gone_share": 0.5}


@pytest.fixture
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("own-s3")) as running:
        yield running


class Disk:
    """A source whose folder can be taken away and put back, as a disk is."""

    def __init__(self, house: SearchHouse, source: str, photos: int = 8) -> None:
        self.house = house
        self.source = source
        self._store = house.service._buckets.sources[source].store
        self.folder = house.store.folder / self._store.bucket
        self._store.ensure_bucket()
        self.photos = {f"{'old' if number < photos // 2 else 'new'}/{number}.png": number for number in range(photos)}
        for key, number in self.photos.items():
            self._store.put(key, picture("红", number))
        assert house.sync(source).photos_done == photos

    def take(self, *names: str) -> None:
        """Take folders away, or all that is in it, and wait until the store shows it."""
        aside = self.folder.with_name(f"{self.folder.name}-unmounted")
        aside.mkdir(exist_ok=True)
        for path in [self.folder / name for name in names] or list(self.folder.iterdir()):
            target = aside / path.relative_to(self.folder)
            target.parent.mkdir(exist_ok=True, parents=True)
            shutil.move(path, target)
        self._shown()

    def put_back(self) -> None:
        aside = self.folder.with_name(f"{self.folder.name}-unmounted")
        self.folder.mkdir(exist_ok=True)
        shutil.copytree(aside, self.folder, dirs_exist_ok=True)
        shutil.rmtree(aside)
        self._shown()

    def _shown(self) -> None:
        there = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        eventually(lambda: self._listed() == there)

    def _listed(self) -> set[str] | None:
        try:
            return {found.key for found in self._store.walk()}
        except SoutuError:
            return None

    @property
    def problem(self) -> str:
        return next(source.problem for source in self.house.client.status().sources if source.source == self.source)


@pytest.fixture(params=["photos", "disk"])
def disk(request: pytest.FixtureRequest, start_house: Callable[..., SearchHouse], tmp_path: Path) -> Disk:
    """The source that uploads land in, and one that is only read."""
    bucket = f"disk-{tmp_path.name.replace('_', '-').lower()[-30:].strip('-')}"
    return Disk(start_house(sync=_FEW, sources=[{"name": "disk", "bucket": bucket}]), request.param)


def sync(disk: Disk, *, confirm_gone: bool = False) -> str:
    job = disk.house.client.start_sync([disk.source], confirm_gone=confirm_gone)
    ended = list(disk.house.client.watch_job(job.job_id, timeout_seconds=120))[-1]
    assert ended.state is JobState.SUCCEEDED
    return ended.message


def test_an_empty_bucket_empties_nothing_and_the_status_says_how_many_wait(disk: Disk) -> None:
    disk.take()
    assert "8 files are missing" in sync(disk)
    assert "soutu sync --confirm-gone" in disk.problem
    disk.house.restart()
    assert "8 files are missing" in disk.problem
    assert len(disk.house.listed()) == 8
    assert len(disk.house.found("红")) == 8


def test_a_disk_that_is_mounted_again_is_as_before(disk: Disk, encoder: ColourEncoder) -> None:
    disk.take()
    sync(disk)
    disk.put_back()
    assert sync(disk) == ""
    assert disk.problem == ""
    assert len(disk.house.listed()) == 8
    assert encoder.images_embedded == 8


def test_a_persons_word_counts_for_what_is_missing_and_for_nothing_later(disk: Disk) -> None:
    disk.take("old", "new/4.png")
    assert "5 files are missing" in sync(disk)
    assert sync(disk, confirm_gone=True) == ""
    assert disk.problem == ""
    assert len(disk.house.listed()) == 3
    disk.take("new")
    assert "3 files are missing" in sync(disk)
    assert len(disk.house.listed()) == 3


def test_a_word_is_not_about_what_vanished_after_it_was_asked_for(disk: Disk) -> None:
    disk.take("old", "new/4.png")
    sync(disk)
    disk.take("new")  # the rest goes before the person answers what the status said
    assert "3 files are missing" in sync(disk, confirm_gone=True)
    assert disk.house.listed() == {photo_id_of(picture("红", number)) for number in (5, 6, 7)}


def test_a_word_is_used_up_by_files_that_come_back(disk: Disk) -> None:
    disk.take()
    sync(disk)
    disk.house.service.catalog.missing.confirm(disk.source)
    disk.put_back()
    sync(disk)
    disk.take()
    assert "8 files are missing" in sync(disk)
    assert len(disk.house.listed()) == 8


def test_a_word_without_a_sync_before_is_about_what_this_sync_finds(disk: Disk) -> None:
    disk.take()
    assert sync(disk, confirm_gone=True) == ""
    assert disk.house.listed() == set()
    disk.put_back()
    sync(disk)
    assert len(disk.house.listed()) == 8


def test_a_word_outlives_a_restart_before_it_could_be_used(disk: Disk) -> None:
    disk.take("old", "new/4.png")
    sync(disk)
    disk.house.service.catalog.missing.confirm(disk.source)
    disk.house.restart()
    sync(disk)
    assert len(disk.house.listed()) == 3


def test_a_word_about_a_source_that_cannot_be_listed_is_forgotten(
    start_house: Callable[..., SearchHouse],
) -> None:
    disk = Disk(start_house(sync=_FEW), "photos")
    store = disk.house.bucket("photos")
    disk.folder.rename(disk.folder.with_name("away"))
    eventually(lambda: not _is_there(store))  # the store remembers its folders for a moment
    eventually(lambda: disk.house.client.start_sync(["photos"]) and disk.problem)
    job = disk.house.client.start_sync(["photos"], confirm_gone=True)
    ended = list(disk.house.client.watch_job(job.job_id, timeout_seconds=120))[-1]
    assert ended.state is JobState.FAILED
    disk.folder.with_name("away").rename(disk.folder)
    disk.take()
    assert "8 files are missing" in sync(disk)


def test_a_source_that_lists_nothing_at_all_waits_however_few_it_held(start_house: Callable[..., SearchHouse]) -> None:
    """The settings are the default ones: up to 20 files may go by themselves, while others are there."""
    disk = Disk(start_house(sync={"interval_seconds": 0}), "photos", photos=3)
    disk.take()
    assert "3 files are missing" in sync(disk)
    assert len(disk.house.listed()) == 3
    disk.put_back()
    assert sync(disk) == ""
    disk.take("old", "new/1.png")
    assert sync(disk) == ""
    assert len(disk.house.listed()) == 1


def test_half_of_a_bucket_waits_too(start_house: Callable[..., SearchHouse]) -> None:
    disk = Disk(start_house(sync={"interval_seconds": 0, "gone_objects": 2}), "photos")  # the share is the default one
    disk.take("old")
    assert "4 files are missing" in sync(disk)
    disk.put_back()
    assert sync(disk) == ""


def test_a_folder_below_the_share_is_gone_until_it_is_back(
    start_house: Callable[..., SearchHouse], encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.sync_job._MANY_GONE", 3)
    disk = Disk(start_house(sync=_FEW), "photos")
    disk.house.client.annotate([photo_id_of(picture("红", 0))], caption="雪山")
    disk.take("old")
    assert "4 files are gone and not shown" in sync(disk)
    assert len(disk.house.listed()) == 4
    disk.put_back()
    assert sync(disk) == ""
    assert len(disk.house.listed()) == 8
    assert disk.house.found("雪山")[0] == photo_id_of(picture("红", 0))
    assert encoder.images_embedded == 8


def test_a_folder_that_was_renamed_needs_no_word(disk: Disk, encoder: ColourEncoder) -> None:
    (disk.folder / "all").mkdir()
    for name in ("old", "new"):
        shutil.move(disk.folder / name, disk.folder / "all" / name)
    disk._shown()
    assert sync(disk) == ""
    assert len(disk.house.listed()) == 8
    assert {name.name for photo in disk.house.client.list_photos().photos for name in photo.names if name.present} == {
        f"all/{key}" for key in disk.photos
    }
    assert encoder.images_embedded == 8


def test_a_listing_that_lacks_what_the_store_has_is_not_believed(
    start_house: Callable[..., SearchHouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(start_house(sync=_FEW), "photos")
    monkeypatch.setattr("soutu_services.search.gone_objects._MOST_CHECKED", 1)
    monkeypatch.setattr("soutu_services.search.gone_objects._SAMPLE", 2)
    monkeypatch.setattr("soutu_services.search.sync_job._FIRST_RETRY_SECONDS", 0.001)
    store = disk.house.service._buckets.sources["photos"].store
    whole = store.walk
    monkeypatch.setattr(store, "walk", lambda prefix="": (found for found in whole(prefix) if found.key.startswith("new/")))
    job = disk.house.sync()
    assert job.state is JobState.FAILED
    assert "listing is not complete" in job.message
    assert len(disk.house.listed()) == 8


def test_photos_whose_bucket_is_gone_get_no_empty_one_in_its_place(
    start_house: Callable[..., SearchHouse], own_store: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.housekeeper._RETURNED_SECONDS", 0.2)
    house = start_house(object_server=own_store, sync={"interval_seconds": 3600})
    red = house.upload("a.png", picture("红"))
    house.settled()
    store = house.bucket("photos")
    bucket = own_store.folder / store.bucket
    bucket.rename(bucket.with_name("unmounted"))
    eventually(lambda: not _is_there(store))
    house.restart()
    eventually(lambda: "check that its disk is mounted" in house.client.status().sources[0].problem)
    with pytest.raises(NotReadyError, match="check that its disk is mounted"):
        house.upload("b.png", picture("蓝"))
    assert not bucket.exists()
    assert house.listed() == {red}
    bucket.with_name("unmounted").rename(bucket)
    eventually(lambda: not house.client.status().sources[0].problem)
    blue = house.upload("b.png", picture("蓝"))
    house.settled()
    assert house.listed() == {red, blue}


def _is_there(store: S3Store) -> bool:
    try:
        store.check()
    except SoutuError:
        return False
    return True


def test_the_status_counts_and_names_what_waits(disk: Disk) -> None:
    disk.take("old", "new")
    sync(disk)
    source = next(source for source in disk.house.client.status().sources if source.source == disk.source)
    assert (source.missing, source.missing_examples) == (8, tuple(sorted(disk.photos)))
    disk.put_back()
    sync(disk)
    source = next(source for source in disk.house.client.status().sources if source.source == disk.source)
    assert (source.missing, source.missing_examples) == (0, ())
