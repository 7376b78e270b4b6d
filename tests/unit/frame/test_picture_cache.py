"""The pictures on the disk: bounded, whole, and no reason to go black."""

import os
from pathlib import Path

import pytest

from soutu_client.frame.kept_lists import KeptLists
from soutu_client.frame.picture_cache import MOST_IN_MEMORY, PictureCache
from soutu_client.frame.slide import Slide

IMAGE = bytes(range(256)) * 4


def slide(number: int, **more: object) -> Slide:
    return Slide(f"{number:032x}", caption=f"第 {number} 张", **more)  # type: ignore[arg-type]


def test_a_picture_is_there_after_a_restart(tmp_path: Path) -> None:
    kept = slide(1, favourite=True, latitude=31.25, longitude=-8.0, taken="2019-05-03T10:00")
    PictureCache(tmp_path / "deep" / "pictures", 1 << 20).keep(kept, IMAGE)
    again = PictureCache(tmp_path / "deep" / "pictures", 1 << 20)
    found = again.read(kept.photo_id)
    assert found is not None and found.slide == kept and found.image == IMAGE
    assert again.slides() == [kept]


def test_what_was_shown_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 5000)
    for number in range(3):
        cache.keep(slide(number), IMAGE)
        os.utime(tmp_path / slide(number).photo_id, ns=(number, number))
    cache = PictureCache(tmp_path, 5000)
    assert cache.read(slide(0).photo_id) is not None  # shown now
    for number in range(3, 5):
        cache.keep(slide(number), IMAGE)
    assert slide(0).photo_id in cache and slide(1).photo_id not in cache
    assert cache.size_bytes <= 5000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == cache.size_bytes


def test_a_smaller_bound_counts_from_the_next_start(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 1 << 20)
    for number in range(5):
        cache.keep(slide(number), IMAGE)
    assert PictureCache(tmp_path, 3000).size_bytes <= 3000
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("torn", [b"", b"x", None, IMAGE])
def test_a_torn_file_is_dropped(tmp_path: Path, torn: bytes | None) -> None:
    cache = PictureCache(tmp_path, 1 << 20)
    cache.keep(slide(1), IMAGE)
    path = tmp_path / slide(1).photo_id
    path.write_bytes(path.read_bytes()[:-1] if torn is None else torn)
    assert cache.read(slide(1).photo_id) is None
    assert slide(1).photo_id not in cache and not path.exists()


def test_a_picture_under_another_name_is_not_shown(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 1 << 20)
    cache.keep(slide(1), IMAGE)
    (tmp_path / slide(1).photo_id).rename(tmp_path / slide(2).photo_id)
    assert PictureCache(tmp_path, 1 << 20).read(slide(2).photo_id) is None


def test_what_a_power_cut_left_is_taken_away_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / f"{slide(1).photo_id}.part").write_bytes(b"half")
    (tmp_path / "note.txt").write_text("mine")
    PictureCache(tmp_path, 1 << 20)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize("max_bytes", [0, 1 << 20])
def test_what_the_disk_does_not_take_stays_in_memory(tmp_path: Path, max_bytes: int) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = PictureCache(tmp_path / "file", max_bytes)
    for number in range(MOST_IN_MEMORY + 2):
        cache.keep(slide(number), IMAGE)
    assert not cache.is_on_disk and cache.problem is not None
    assert slide(0).photo_id not in cache
    found = cache.read(slide(MOST_IN_MEMORY + 1).photo_id)
    assert found is not None and found.image == IMAGE


def test_a_disk_that_is_back_is_used(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "pictures", 1 << 20)
    (tmp_path / "pictures").rmdir()
    cache.keep(slide(1), IMAGE)
    assert not cache.is_on_disk
    (tmp_path / "pictures").mkdir()
    cache.keep(slide(2), IMAGE)
    assert cache.is_on_disk and slide(2).photo_id in cache


def test_frames_of_a_video_are_kept_beside_each_other_and_shown_once_while_away(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 1 << 20)
    frames = [slide(1, frame_ms=frame_ms) for frame_ms in (None, 0, 2500)]
    for number, frame in enumerate(frames):
        cache.keep(frame, IMAGE + bytes([number]))
    again = PictureCache(tmp_path, 1 << 20)
    for number, frame in enumerate(frames):
        found = again.read(frame.picture_name)
        assert found is not None and found.slide == frame and found.image[-1] == number
    assert [each.photo_id for each in again.slides()] == [slide(1).photo_id]


@pytest.mark.parametrize("frame_ms", [-1, True, 10**12, "../5", 1.5])
def test_a_time_that_is_no_name_of_a_file_is_no_slide(frame_ms: object) -> None:
    with pytest.raises(ValueError, match="not a slide"):
        Slide.from_json({**slide(1).to_json(), "frame_ms": frame_ms})


def test_lists_and_hearts_are_remembered(tmp_path: Path) -> None:
    lists = KeptLists(tmp_path)
    lists.keep("海边", [slide(1), slide(2)])
    lists.keep_likes({slide(1).photo_id: True})
    assert KeptLists(tmp_path).read("海边") == [slide(1), slide(2)]
    assert KeptLists(tmp_path).read("山") == []
    assert KeptLists(tmp_path).likes() == {slide(1).photo_id: True}


def test_a_torn_list_is_like_none(tmp_path: Path) -> None:
    lists = KeptLists(tmp_path)
    lists.keep("海边", [slide(1)])
    lists.keep_likes({slide(1).photo_id: True})
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    assert lists.read("海边") == [] and lists.likes() == {}
    for path in tmp_path.iterdir():
        path.write_text('{"query": "海边", "slides": [{"photo_id": "../../etc/passwd"}]}')
    assert lists.read("海边") == [] and lists.likes() == {}


def test_lists_of_many_queries_are_bounded(tmp_path: Path) -> None:
    lists = KeptLists(tmp_path)
    for number in range(50):
        lists.keep(f"第 {number}", [])
    assert len(list(tmp_path.iterdir())) == 40
