"""Photos that another program kept, moved into a real library by the command line, and found there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from moving_trees import apple, immich, jpeg, photoprism, takeout, write_tree, write_zip
from search_house import SearchHouse, photo_id_of
from soutu_client import AddProgress, BoundingBox, Filter, Layout, Photo, TakenOrigin
from soutu_client.cli.main import run

YEAR, ALBUM = "Google 相册/2019年的照片", "Google 相册/云南之行"
LAKE, SECOND, EDITED, WEDDING, BROKEN, GONE, OLD = (photo_id_of(jpeg(number)) for number in (1, 2, 3, 5, 6, 7, 8))
CAMERA = photo_id_of(jpeg(4, exif="2018:03:03 09:00:00"))
Soutu = Callable[..., int]


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def soutu(house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> Soutu:
    monkeypatch.setenv("SOUTU_ADDRESS", house.address)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: run([str(argument) for argument in arguments])


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """Return a folder with the parts of a Takeout: one unpacked, the others as they were downloaded."""
    (first, one), *others = takeout().items()
    write_tree(tmp_path / "downloads" / first, one)
    for name, tree in others:
        write_zip(tmp_path / "downloads" / f"{name}.zip", tree)
    return tmp_path / "downloads"


def ids(photos: Any) -> set[str]:
    return {photo.photo_id for photo in photos}


def taken(photo: Photo) -> tuple[datetime, TakenOrigin] | None:
    return (photo.taken.local_time, photo.taken.origin) if photo.taken else None


def test_a_takeout_is_found_by_its_dates_albums_and_captions(
    house: SearchHouse, soutu: Soutu, downloads: Path, capsys: Any
) -> None:
    assert soutu("import", downloads) == 5  # a sidecar is broken, which is told; its photo is there
    out = capsys.readouterr().out
    for told in (
        "a Google Takeout",
        "7 new photos added",
        "searchable: 7",
        "broken.jpg.json",
        "6 photos took their dates",
        "trash",
    ):
        assert told in out, out
    photos = {photo.photo_id: photo for photo in house.client.list_photos().photos}
    assert len(photos) == 7
    assert GONE not in photos
    assert {name.name for name in photos[LAKE].names} == {f"{YEAR}/IMG_0001.jpg", f"{ALBUM}/IMG_0001.jpg"}
    assert photos[WEDDING].name == f"{YEAR}/Backyard_ceremony_wedding_photography_xxxxxxx_mary.jpg"
    assert taken(photos[LAKE]) == (datetime(2019, 5, 1, 12, 30), TakenOrigin.TOLD)
    assert taken(photos[CAMERA]) == (datetime(2018, 3, 3, 9), TakenOrigin.EXIF)
    assert taken(photos[OLD]) == (datetime(1965, 1, 2, 11, 4), TakenOrigin.TOLD)
    assert taken(photos[BROKEN])[1] is TakenOrigin.MODIFIED  # type: ignore[index]
    listed = [photo.photo_id for photo in house.client.list_photos().photos]
    assert listed.index(WEDDING) < listed.index(LAKE) < listed.index(CAMERA) < listed.index(OLD)

    assert {"2019-05", "2018-03", "1965-01"} <= {month.month for month in house.client.summary().months}
    may = Filter(taken_from="2019-05", taken_until="2019-05")
    assert ids(hit.photo for hit in house.client.search(filter=may).hits) == {LAKE, EDITED}
    assert ids(house.client.list_photos(filter=Filter(albums=("云南之行",))).photos) == {LAKE, CAMERA}
    assert ids(house.client.list_photos(filter=Filter(favourite=True, tags=("外婆",))).photos) == {LAKE, EDITED}
    around = BoundingBox(south=25, west=100, north=26, east=101)
    assert LAKE in ids(house.client.list_photos(filter=Filter(area=around)).photos)
    assert house.found("洱海边的外婆")[0] in (LAKE, EDITED)
    assert set(house.found("云南之行")[:2]) == {LAKE, CAMERA}


def test_again_it_adds_nothing_and_changes_nothing_that_a_person_changed(
    house: SearchHouse, soutu: Soutu, downloads: Path, capsys: Any
) -> None:
    soutu("import", downloads)
    house.client.annotate([LAKE], favourite=False, caption="改过", remove_albums=["云南之行"], remove_tags=["外婆"])
    assert soutu("annotate", SECOND, "--taken", "2001-02-03") == 0
    house.client.delete([OLD])
    house.settled()
    before = {photo.photo_id: photo for photo in house.client.list_photos().photos}
    capsys.readouterr()
    assert soutu("import", downloads, "--json") == 5
    told = json.loads(capsys.readouterr().out)["import"]
    assert (told["told"], told["added"]["added"], len(told["added"]["known"]), len(told["added"]["deleted"])) == (0, [], 7, 1)
    assert {photo.photo_id: photo for photo in house.client.list_photos().photos} == before
    assert taken(before[SECOND]) == (datetime(2001, 2, 3), TakenOrigin.PERSON)


def test_photos_that_were_there_already_are_told_about(house: SearchHouse, soutu: Soutu, downloads: Path) -> None:
    house.upload("旅行/湖.jpg", jpeg(1))
    house.settled()
    soutu("import", downloads, "--no-wait")
    photo = house.photo(LAKE)
    assert photo.annotations.albums == ("云南之行",)
    assert taken(photo) == (datetime(2019, 5, 1, 12, 30), TakenOrigin.TOLD)
    assert "旅行/湖.jpg" in {name.name for name in photo.names}


def test_a_dry_run_says_what_would_come_and_does_nothing(house: SearchHouse, soutu: Soutu, downloads: Path, capsys: Any) -> None:
    assert soutu("import", downloads, "--dry-run") == 0
    out = capsys.readouterr().out
    for told in (
        "photo files: 8",
        "albums: 1 (云南之行 2)",
        "told beside them: 7",
        "same content as another: 1",
        "trash",
        "Nothing was done",
    ):
        assert told in out, out
    assert house.client.list_photos().total == 0


def test_one_that_was_stopped_goes_on(house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_client._adding._BATCH_FILES", 10)
    # Each file is told of: the last thirty may all be counted within the time that is else between two tellings.
    monkeypatch.setattr("soutu_client._adding_progress._SECONDS_BETWEEN", 0.0)
    tree: dict[str, bytes | str] = {}
    for number in range(80):
        told = {"title": f"{number}.jpg", "photoTakenTime": {"timestamp": str(1_000_000_000 + number)}}
        tree |= {
            f"Google Photos/毕业/{number}.jpg": jpeg(1000 + number),
            f"Google Photos/毕业/{number}.jpg.json": json.dumps(told),
        }
    tree["Google Photos/毕业/metadata.json"] = json.dumps({"title": "毕业", "date": {}})
    top = write_tree(tmp_path / "Takeout", tree)

    def stop(now: AddProgress) -> None:
        if now.files_uploaded > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.client.move_in(top, on_progress=stop)
    assert 0 < house.client.list_photos(filter=Filter(albums=("毕业",))).total < 80
    result = house.client.move_in(top)
    assert (result.layout, len(result.added.added) + len(result.added.known)) == (Layout.TAKEOUT, 80)
    assert not result.problems
    assert house.client.list_photos(filter=Filter(albums=("毕业",), taken_from="2001-09", taken_until="2001-09")).total == 80


def test_what_the_library_does_not_take_is_one_photo_s_problem(house: SearchHouse, tmp_path: Path) -> None:
    full = house.upload("a/a.jpg", jpeg(1))
    for begin in (0, 100):
        house.client.annotate([full], add_albums=[f"{begin + number}" for number in range(100)])
    top = write_tree(tmp_path / "毕业", {"a.jpg": jpeg(1), "b.jpg": jpeg(2), "c.jpg": jpeg(3)})
    result = house.client.move_in(top, folder_albums=True)
    assert [(problem.path.name, problem.message) for problem in result.problems] == [
        ("a.jpg", "a photo has at most 200 tags and 200 albums")
    ]
    assert result.told == 2
    assert house.client.list_photos(filter=Filter(albums=("毕业",))).total == 2


def test_pictures_of_phones_have_the_times_that_their_names_tell(house: SearchHouse, tmp_path: Path) -> None:
    names = {
        "安卓/DCIM/Camera/IMG_20240101_120000.jpg": "2024-01-01T12:00:00",
        "安卓/DCIM/Camera/PXL_20240101_160000123.jpg": "2024-01-02T00:00:00",
        "安卓/Pictures/WeiXin/mmexport1600000000000.jpg": "2020-09-13T20:26:40",
        "安卓/Pictures/Screenshots/Screenshot_2024-01-01-12-00-00-123_com.tencent.mm.jpg": "2024-01-01T12:00:00",
        "电脑/微信图片_20240101120000.jpg": "2024-01-01T12:00:00",
    }
    house.restart(decoders=None)  # decoders that know the time zone of the test
    house.client.add(write_tree(tmp_path / "手机", {name: jpeg(number) for number, name in enumerate(names)}))
    house.settled()
    told = {photo.name: taken(photo) for photo in house.client.list_photos().photos}
    assert told == {f"手机/{name}": (datetime.fromisoformat(when), TakenOrigin.NAME) for name, when in names.items()}


@pytest.mark.parametrize(
    ("tree", "layout", "expected"),
    [
        (
            apple(),
            Layout.APPLE,
            {
                "p/云南/IMG_0001.JPG": ("2016-07-08T06:30:00", ("云南",), "洱海边的早晨"),
                "p/云南/IMG_E0001.JPG": ("2016-07-08T06:30:00", ("云南",), "洱海边的早晨"),
                "p/上海, 2019年5月1日/IMG_0001.JPG": ("", (), ""),
                "p/IMG_0002.JPG": ("", (), ""),
            },
        ),
        (
            immich(),
            Layout.IMMICH,
            {
                "Immich/admin/2015/2015-02-03/IMG_0001.jpg": ("2015-02-03T10:20:30", (), "第一次坐飞机"),
                "Immich/8f2b0c1e-1111-2222-3333-444455556666/8a/2b/8a2b1111-2222-3333-4444-555566667777.jpg": ("", (), ""),
            },
        ),
        (
            photoprism(),
            Layout.PHOTOPRISM,
            {
                "PhotoPrism/2016/01/20160110_101506_AB.jpg": ("2016-01-10T10:15:06", ("冬天",), "雪地里的狗\n在公园"),
                "PhotoPrism/2016/01/scan.jpg": ("1988-10-01T16:00:00", (), ""),
                "PhotoPrism/2016/01/guess.jpg": ("", (), ""),
            },
        ),
    ],
    ids=["apple", "immich", "photoprism"],
)
def test_other_programs_photos_keep_names_dates_albums_and_captions(
    house: SearchHouse, tmp_path: Path, tree: dict[str, bytes | str], layout: Layout, expected: dict[str, tuple[str, Any, str]]
) -> None:
    result = house.client.move_in(write_tree(tmp_path / "p", tree))
    assert (result.layout, result.added.failed) == (layout, ())
    house.settled()
    seen = {}
    for photo in house.client.list_photos().photos:
        told = photo.taken is not None and photo.taken.origin in (TakenOrigin.TOLD, TakenOrigin.PERSON)
        when = photo.taken.local_time.isoformat() if told and photo.taken else ""
        seen[photo.name] = (when, photo.annotations.albums, photo.annotations.caption)
    assert seen == expected
