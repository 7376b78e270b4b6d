from pathlib import Path

import pytest

from soutu_services.home.library import Library
from soutu_services.home.photos import check_room, usable_photos
from soutu_services.home.problem import HomeProblem


def test_takes_a_folder_or_a_single_picture(tmp_path: Path) -> None:
    picture = tmp_path / "photos" / "猫.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"x")
    assert usable_photos(picture.parent, tmp_path / "library", in_place=True) == picture.parent
    assert usable_photos(picture, tmp_path / "library", in_place=False) == picture
    with pytest.raises(HomeProblem, match="needs a folder"):
        usable_photos(picture, tmp_path / "library", in_place=True)


def test_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HomeProblem, match="no such folder") as refused:
        usable_photos(tmp_path / "nothing", tmp_path / "library", in_place=False)
    assert "nothing" in refused.value.text.zh


@pytest.mark.parametrize(("photos", "library"), [("a", "a/library"), ("a/photos", "a"), ("a", "a")])
def test_refuses_photos_and_library_within_each_other(tmp_path: Path, photos: str, library: str) -> None:
    (tmp_path / photos).mkdir(parents=True)
    with pytest.raises(HomeProblem, match="must not contain each other"):
        usable_photos(tmp_path / photos, tmp_path / library, in_place=True)


def test_refuses_a_copy_that_has_no_room(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    with Library.open(tmp_path / "library", least_free_bytes=0) as library:
        check_room(photos, library)
        with (photos / "huge.tiff").open("wb") as huge:  # sparse: takes no space itself
            huge.truncate(1 << 43)
        with pytest.raises(HomeProblem, match="INPLACE=1"):
            check_room(photos, library)
        with (library.store / "soutu-photos" / "huge.tiff").open("wb") as stored:
            stored.truncate(1 << 43)
        check_room(photos, library)  # the copy is there already


def test_names_the_home_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HomeProblem, match=r"no home folder ~no-such-person\. Check the path after PHOTOS="):
        usable_photos(Path("~no-such-person/photos"), tmp_path, in_place=False)
