import json
import os
import stat
from pathlib import Path

import pytest

from soutu_services.home.library import Library
from soutu_services.home.problem import HomeProblem


def open_library(root: Path) -> Library:
    return Library.open(root, least_free_bytes=0)


def test_makes_its_folders_and_buckets(tmp_path: Path) -> None:
    with open_library(tmp_path / "我的 资料库") as library:
        assert library.catalog.is_dir() and library.logs.is_dir()
        assert sorted(bucket.name for bucket in library.store.iterdir()) == ["soutu-photos", "soutu-recycle", "soutu-thumbnails"]


def test_refuses_to_run_twice_and_names_the_process(tmp_path: Path) -> None:
    with open_library(tmp_path), pytest.raises(HomeProblem) as refused:
        open_library(tmp_path)
    assert "running already" in refused.value.text.en and "LIBRARY=" in refused.value.text.zh
    with open_library(tmp_path) as again:
        assert not again.crashed


def test_knows_that_the_last_house_did_not_stop_in_order(tmp_path: Path) -> None:
    (tmp_path / "home.lock").write_text("12345\n")
    with open_library(tmp_path) as library:
        assert library.crashed


def test_says_that_the_disk_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(HomeProblem, match="no disk space") as refused:
        Library.open(tmp_path, least_free_bytes=1 << 62)
    assert "\n" not in refused.value.text.zh
    open_library(tmp_path).close()


def test_says_that_the_folder_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HomeProblem, match="cannot be used"):
        open_library(tmp_path / "file" / "library")


def test_key_is_private_and_stays_the_same(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        key = library.store_key()
        assert stat.S_IMODE((tmp_path / "store.key").stat().st_mode) == 0o600
        assert key.secret not in repr(key)
    with open_library(tmp_path) as library:
        assert library.store_key() == key


def test_remembers_folders_in_place_by_what_they_are(tmp_path: Path) -> None:
    photos = tmp_path / "照片, 'a' b"
    photos.mkdir()
    with open_library(tmp_path / "library") as library:
        assert library.is_fresh
        first = library.add_in_place(photos)
        library.remember_welcome()
    with open_library(tmp_path / "library") as library:
        assert not library.is_fresh
        assert library.in_place_folders == (first,)
        assert library.add_in_place(photos / ".." / photos.name) == first
        assert library.add_in_place(tmp_path).name != first.name
        assert len(library.in_place_folders) == 2


def test_says_which_file_is_damaged(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        (tmp_path / "home.json").write_text("{")
        with pytest.raises(HomeProblem, match=r"home\.json"):
            _ = library.is_fresh
        (tmp_path / "store.key").write_text(json.dumps({"access_key": "only"}))
        with pytest.raises(HomeProblem, match=r"store\.key"):
            library.store_key()


def test_remembers_a_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    photos = tmp_path / os.fsdecode("照片".encode("gbk"))
    photos.mkdir()
    with open_library(tmp_path / "library") as library:
        folder = library.add_in_place(photos)
        assert library.add_in_place(photos) == folder
    with open_library(tmp_path / "library") as library:
        assert [Path(known.path) for known in library.in_place_folders] == [photos]
    assert not list((tmp_path / "library").glob("*.new"))


def test_says_what_keeps_it_from_writing_things_down(tmp_path: Path) -> None:
    with open_library(tmp_path / "library") as library:
        (tmp_path / "library" / "home.new").mkdir()
        (tmp_path / "library" / "store.new").mkdir()
        for write in (library.remember_welcome, library.store_key, lambda: library.add_in_place(tmp_path)):
            with pytest.raises(HomeProblem, match="cannot be used"):
                write()


def test_names_the_home_folder_that_is_not_there() -> None:
    with pytest.raises(HomeProblem, match=r"no home folder ~no-such-person\. Check the path after LIBRARY="):
        open_library(Path("~no-such-person/library"))
