"""Names of files: into the library, and out of it."""

import os
from itertools import islice
from pathlib import Path

import pytest

from soutu_client._naming import library_name, numbered, readable, safe_file_name


def test_a_name_begins_with_the_added_folder(tmp_path: Path) -> None:
    added = tmp_path / "旅行"
    assert library_name(added / "青海" / "湖.jpg", added=added) == "旅行/青海/湖.jpg"


def test_a_file_that_is_added_itself_keeps_its_own_name(tmp_path: Path) -> None:
    assert library_name(tmp_path / "湖.jpg", added=tmp_path / "湖.jpg") == "湖.jpg"


def test_the_current_folder_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "旅行").mkdir()
    monkeypatch.chdir(tmp_path / "旅行")
    assert library_name(Path("湖.jpg"), added=Path()) == "旅行/湖.jpg"
    assert library_name(Path("../旅行/湖.jpg"), added=Path("../旅行")) == "旅行/湖.jpg"


def test_leading_dots_of_the_added_folder_go(tmp_path: Path) -> None:
    assert library_name(tmp_path / ".photos" / "a.jpg", added=tmp_path / ".photos") == "photos/a.jpg"


def test_names_in_gbk_become_readable() -> None:
    assert readable(os.fsdecode("奶奶生日.jpg".encode("gbk"))) == "奶奶生日.jpg"
    assert readable("奶奶生日.jpg") == "奶奶生日.jpg"
    assert readable("cafe\u0301.jpg") == "café.jpg"
    readable(os.fsdecode(b"\xff\xfe.jpg")).encode()  # whatever it is, it can be sent


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("旅行/湖.jpg", "湖.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a:b*c?.jpg", "a_b_c_.jpg"),
        ("con.jpg", "_con.jpg"),
        ("CON.tar.gz", "_CON.tar.gz"),
        ("...", "photo"),
        ("", "photo"),
        ("evil\u202egpj.exe\n", "evilgpj.exe"),
        (".bashrc", "bashrc"),
        (" name .jpg ", "name .jpg"),
    ],
)
def test_a_saved_file_has_a_safe_name(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_a_long_name_is_cut_between_characters_and_keeps_its_ending() -> None:
    name = safe_file_name("湖" * 200 + ".jpg")
    assert name.endswith("湖.jpg")
    assert len(name.encode()) <= 200


def test_numbers_go_before_the_ending() -> None:
    assert list(islice(numbered("湖.jpg"), 3)) == ["湖.jpg", "湖 (2).jpg", "湖 (3).jpg"]
