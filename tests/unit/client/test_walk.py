"""Which files are added."""

import os
from pathlib import Path

from soutu_client._walk import walk


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg", "c.heic", "no-ending"):
        touch(tmp_path / "旅行" / name)
    names = [file.name for file in walk([tmp_path / "旅行"]).files]
    assert names == ["旅行/a.jpg", "旅行/c.heic", "旅行/no-ending", "旅行/b/1.jpg", "旅行/b/2.jpg"]


def test_what_systems_keep_for_themselves_is_left_out(tmp_path: Path) -> None:
    for name in (".hidden.jpg", "._a.jpg", "@eaDir/a.jpg", ".thumbnails/a.jpg", "#recycle/a.jpg", "Thumbs.db", "a.MP3", "a.json"):
        touch(tmp_path / name)
    found = walk([tmp_path])
    assert found.files == []
    assert found.ignored == {".jpg": 2, ".db": 1, ".mp3": 1, ".json": 1}


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    touch(tmp_path / "album" / "a.jpg")
    (tmp_path / "album" / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "album" / "loop").symlink_to(tmp_path / "album")
    found = walk([tmp_path / "album"])
    assert [file.name for file in found.files] == ["album/a.jpg", "album/b.jpg"]


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    found = walk([tmp_path, tmp_path / "pipe.jpg"])
    assert found.files == []
    assert found.problems == []


def test_a_broken_link_and_a_missing_path_are_problems_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("nowhere")
    found = walk([tmp_path, tmp_path / "missing"])
    assert len(found.files) == 1
    assert [path.name for path, _ in found.problems] == ["b.jpg", "missing"]


def test_a_file_reached_twice_is_added_once(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "b" / "1.jpg")
    found = walk([tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "1.jpg"])
    assert [file.name for file in found.files] == ["a/b/1.jpg"]


def test_a_deep_tree_ends(tmp_path: Path) -> None:
    folder = tmp_path
    for number in range(60):
        folder = folder / f"d{number}"
    touch(folder / "a.jpg")
    assert len(walk([tmp_path]).files) == 1
