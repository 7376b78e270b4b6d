"""Folders as other programs leave them, arranged."""

from __future__ import annotations

import errno
import os
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from moving_trees import APPLE, apple, google, google_album, icloud, immich, jpeg, photoprism, takeout, write_tree, write_zip
from soutu_client import Layout, Location
from soutu_client._moving.arrangement import Arrangement
from soutu_client._moving.facts import Facts
from soutu_client._moving.icloud import _tables
from soutu_client._moving.layouts import layout_of
from soutu_client._moving.listing import Listing, list_path
from soutu_client._moving.moving import Move, _arranged, plan_move_in


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def arranged(*paths: Path, **move: Any) -> tuple[Layout, dict[str, Facts | None], Any]:
    """Return the layout, the facts of each file by its name in the library, and all else."""
    with _arranged(Move(paths, **move), "en") as (layout, into, unread):
        assert not unread
        facts = {file.name: into.facts.get(file.path) for file in into.files}
        for file in into.files:
            if file.opened is not None:
                with file.opened() as content:
                    assert len(content.read()) == file.size_bytes
        return layout, facts, into


def both_parts(top: Path) -> Path:
    for part, tree in takeout().items():
        write_tree(top / part, tree)
    return top


@pytest.mark.parametrize("how", ["folders", "zips", "merged", "named zips", "one of each"])
def test_a_takeout_is_the_same_however_it_was_unpacked(tmp_path: Path, how: str) -> None:
    parts, paths = takeout(), [tmp_path / "downloads"]
    if how == "folders":
        both_parts(paths[0])
    elif how == "merged":
        for tree in parts.values():
            write_tree(paths[0], tree)
    elif how == "one of each":
        for number, (name, tree) in enumerate(parts.items()):
            _ = write_zip(paths[0] / f"{name}.zip", tree) if number else write_tree(paths[0] / name, tree)
    else:
        zips = [write_zip(paths[0] / f"{name}.zip", tree) for name, tree in parts.items()]
        paths = zips if how == "named zips" else paths
    layout, facts, into = arranged(*paths)
    assert layout is Layout.TAKEOUT
    year, album = "Google 相册/2019年的照片", "Google 相册/云南之行"
    lake = Facts(
        taken=datetime(2019, 5, 1, 12, 30),
        location=Location(25.6, 100.27),
        is_favourite=True,
        caption="洱海边的外婆",
        tags=("外婆",),
    )
    assert facts == {
        f"{year}/IMG_0001.jpg": lake,
        f"{year}/IMG_0001(1).jpg": Facts(taken=datetime(2019, 6, 2, 9, 0)),
        f"{year}/IMG_0001-编辑.jpg": lake,
        f"{year}/camera.jpg": Facts(taken=datetime(2019, 1, 1, 8, 0), albums=("云南之行",)),
        f"{year}/Backyard_ceremony_wedding_photography_xxxxxxx_mary.jpg": Facts(taken=datetime(2019, 8, 8, 16, 8)),
        f"{year}/broken.jpg": None,
        f"{year}/old.jpg": Facts(taken=datetime(1965, 1, 2, 11, 4)),
        f"{album}/IMG_0001.jpg": Facts(**{**vars(lake), "albums": ("云南之行",)}),
    }
    assert into.trashed == 1
    assert [(path.name, message) for path, message, _ in into.problems] == [
        ("broken.jpg.json", "this sidecar cannot be understood; its photo is added without what it says")
    ]
    assert into.ignored == {".html": 1, ".jpg": 1 if how == "merged" else 2}


def test_a_plan_counts_without_a_service(tmp_path: Path) -> None:
    plan = plan_move_in(Move([both_parts(tmp_path / "t")]), "en")
    assert (plan.layout, plan.files, plan.dated, plan.captioned, plan.favourites) == (Layout.TAKEOUT, 8, 7, 3, 3)
    assert plan.albums == {"云南之行": 2}
    assert (plan.without_sidecar, plan.duplicates, plan.trashed, len(plan.problems)) == (1, 1, 1, 1)


def test_what_is_one_photo_keeps_one_folder_and_stem(tmp_path: Path) -> None:
    cut = "Backyard_ceremony_wedding_photography_xxxxxxx_m"
    told = google(f"{cut}ary.HEIC", datetime(2019, 8, 8, 8, 8))
    parts: list[dict[str, bytes | str]] = [
        {f"Takeout/Google Photos/毕业/{cut}.HEIC": jpeg(1), f"Takeout/Google Photos/毕业/{cut[:-1]}.json": told},
        {f"Takeout/Google Photos/毕业/{cut}.MP4": b"clip", f"Takeout/Google Photos/毕业/{cut}.DNG": b"raw"},
    ]
    _, facts, _ = arranged(*(write_zip(tmp_path / f"takeout-{number}.zip", tree) for number, tree in enumerate(parts)))
    assert set(facts) == {f"Google Photos/毕业/{cut}ary{ending}" for ending in (".HEIC", ".MP4", ".DNG")}
    assert {each and each.taken for each in facts.values()} == {datetime(2019, 8, 8, 16, 8)}


def test_parts_that_cannot_be_read_where_they_lie_are_told(tmp_path: Path) -> None:
    top = both_parts(tmp_path / "t")
    (top / "takeout-20240101T000000Z-004.tgz").write_bytes(b"\x1f\x8b")
    plan = plan_move_in(Move([top]), "en")
    assert plan.files == 8
    assert "unpack it" in {problem.path.name: problem.message for problem in plan.problems}["takeout-20240101T000000Z-004.tgz"]


def test_years_and_days_are_no_albums(tmp_path: Path) -> None:
    tree: dict[str, bytes | str] = {}
    for number, name in enumerate(["Photos from 2019", "Fotos von 2019", "2019 年的照片", "2019-05-01", "2019-05-01 #2", "毕业"]):
        tree |= {f"Google Photos/{name}/{number}.jpg": jpeg(number), f"Google Photos/{name}/metadata.json": google_album(name)}
    plan = plan_move_in(Move([write_tree(tmp_path / "Takeout", tree)]), "en")
    assert plan.albums == {"毕业": 1}
    assert plan.files == 6


def test_a_folder_of_a_takeout_alone_is_known_by_its_sidecars(tmp_path: Path) -> None:
    top = write_tree(tmp_path / "pictures", {"a.jpg": jpeg(1), "a.jpg.json": google("a.jpg", datetime(2019, 5, 1))})
    layout, facts, _ = arranged(top)
    assert (layout, facts) == (Layout.TAKEOUT, {"pictures/a.jpg": Facts(taken=datetime(2019, 5, 1, 8))})


@pytest.mark.parametrize(
    "told",
    [
        "[]",
        "null",
        "{}",
        '{"photoTakenTime": 5}',
        '{"photoTakenTime": {"timestamp": "99999999999999999999"}}',
        '{"photoTakenTime": {"timestamp": "999999999999"}}',
        '{"photoTakenTime": {"timestamp": "0"}, "people": "x", "geoData": [], "title": 5, "description": {}}',
        '{"photoTakenTime": {}, "geoData": {"latitude": "NaN", "longitude": 1}, "people": [1, {"name": 5}]}',
        '{"photoTakenTime": {}, "geoData": {"latitude": 1%s, "longitude": 1}}' % ("0" * 400),
        "[" * 100_000,
        "\xff\xfe",
    ],
)
def test_a_sidecar_that_is_none_harms_nobody(tmp_path: Path, told: str) -> None:
    top = write_tree(tmp_path / "p", {"a.jpg": jpeg(1), "a.jpg.json": told.encode("latin-1")})
    _, facts, _ = arranged(top, layout=Layout.TAKEOUT)
    assert facts == {"p/a.jpg": None}


def test_an_export_of_apple_photos(tmp_path: Path) -> None:
    layout, facts, into = arranged(write_tree(tmp_path / "导出", apple() | {"云南/IMG_0001.MOV": b"clip"}))
    assert layout is Layout.APPLE
    morning = Facts(
        taken=datetime(2016, 7, 8, 6, 30),
        location=Location(25.6, 100.27),
        caption="洱海边的早晨",
        tags=("徒步", "外婆"),
        albums=("云南",),
    )
    assert facts == {
        "导出/云南/IMG_0001.JPG": morning,
        "导出/云南/IMG_0001.MOV": morning,
        "导出/云南/IMG_E0001.JPG": morning,
        "导出/上海, 2019年5月1日/IMG_0001.JPG": None,
        "导出/IMG_0002.JPG": None,
    }
    assert [path.name for path, _, _ in into.problems] == ["IMG_0001.xmp"]
    assert into.ignored == {".xmp": 1, ".aae": 1}


def test_of_a_library_of_photos_the_originals_come(tmp_path: Path) -> None:
    tree = {"originals/A/A1B2.jpeg": jpeg(1), "resources/derivatives/A/A1B2_1.jpeg": jpeg(2), "database/Photos.sqlite": b"x"}
    layout, facts, into = arranged(write_tree(tmp_path / "Photos Library.photoslibrary", tree))
    assert (layout, facts) == (Layout.APPLE, {"Photos Library.photoslibrary/originals/A/A1B2.jpeg": None})
    assert into.ignored == {".jpeg": 1, ".sqlite": 1}


def test_a_folder_that_is_called_google_photos_hides_no_other(tmp_path: Path) -> None:
    tree = {"Google Photos/a.jpg": jpeg(1), "旅行/b.jpg": jpeg(2)}
    layout, facts, _ = arranged(write_tree(tmp_path / "图片", tree))
    assert (layout, set(facts)) == (Layout.FOLDER, {"图片/Google Photos/a.jpg", "图片/旅行/b.jpg"})
    tree = {**tree, "Google Photos/a.jpg.json": google("a.jpg", datetime(2019, 5, 1))}
    layout, facts, _ = arranged(write_tree(tmp_path / "图片", tree))
    assert (layout, set(facts)) == (Layout.TAKEOUT, {"图片/Google Photos/a.jpg", "图片/旅行/b.jpg"})


@pytest.mark.parametrize("how", ["folders", "zips"])
def test_a_copy_of_icloud(tmp_path: Path, how: str) -> None:
    for part, tree in icloud().items():
        if how == "zips":
            write_zip(tmp_path / "苹果" / f"{part}.zip", tree)
        else:
            write_tree(tmp_path / "苹果" / part, tree)
    layout, facts, into = arranged(tmp_path / "苹果")
    assert layout is Layout.ICLOUD
    noon = datetime(2022, 6, 4, 20, 11)
    assert {tuple(name.rsplit("/", 2)[-2:]): told for name, told in facts.items()} == {
        ("iCloud Photos Part 1 of 2", "IMG_0001.JPG"): Facts(taken=noon, is_favourite=True, albums=("云南",)),
        ("iCloud Photos Part 1 of 2", "IMG_0001.MOV"): Facts(taken=noon),
        ("iCloud Photos Part 1 of 2", "IMG_0002.JPG"): Facts(taken=datetime(2022, 1, 1, 7, 59), is_favourite=True),
        ("iCloud Photos Part 2 of 2", "IMG_0001.JPG"): None,
        ("iCloud Photos Part 2 of 2", "IMG_0003.JPG"): Facts(albums=("云南",)),
    }
    assert (into.trashed, into.problems) == (2, [])


def test_a_number_that_is_no_place_harms_nobody(tmp_path: Path) -> None:
    told = '[{"SourceFile": "a.jpg", "GPSLatitude": 1%s, "GPSLongitude": 1}]' % ("0" * 400)
    assert arranged(write_tree(tmp_path / "p", {"a.jpg": jpeg(1), "a.jpg.json": told}))[1] == {"p/a.jpg": None}


def test_sidecars_of_osxphotos(tmp_path: Path) -> None:
    told = (
        '[{"SourceFile": "a", "EXIF:DateTimeOriginal": "2017:03:04 05:06:07", "XMP:Title": "生日", "IPTC:Keywords": ["家"],'
        '"XMP:PersonInImage": ["小明"], "EXIF:GPSLatitude": 25.6, "EXIF:GPSLatitudeRef": "S", "EXIF:GPSLongitude": 100}]'
    )
    tree = {"a.HEIC": jpeg(1), "a.HEIC.json": told, "b.HEIC": jpeg(2), "b.HEIC.xmp": APPLE}
    _, facts, _ = arranged(write_tree(tmp_path / "p", tree), layout=Layout.APPLE)
    assert facts["p/a.HEIC"] == Facts(
        taken=datetime(2017, 3, 4, 5, 6, 7), location=Location(-25.6, 100.0), caption="生日", tags=("家", "小明")
    )
    assert facts["p/b.HEIC"] is not None


@pytest.mark.parametrize("below", ["", "upload", "backups"])
def test_a_folder_of_immich(tmp_path: Path, below: str) -> None:
    top = write_tree(tmp_path / "immich" / below, immich())
    layout, facts, into = arranged(top)
    assert layout is Layout.IMMICH
    assert facts == {
        "Immich/admin/2015/2015-02-03/IMG_0001.jpg": Facts(
            taken=datetime(2015, 2, 3, 10, 20, 30), location=Location(31.23, 121.47), caption="第一次坐飞机", tags=("飞机",)
        ),
        "Immich/8f2b0c1e-1111-2222-3333-444455556666/8a/2b/8a2b1111-2222-3333-4444-555566667777.jpg": None,
    }
    assert into.ignored[".webp"] == 1
    again = arranged(top / "library")
    assert (again[0], list(again[1])) == (Layout.IMMICH, ["Immich/admin/2015/2015-02-03/IMG_0001.jpg"])


def test_a_photoprism(tmp_path: Path) -> None:
    layout, facts, into = arranged(write_tree(tmp_path / "pp", photoprism()))
    assert layout is Layout.PHOTOPRISM
    assert facts == {
        "PhotoPrism/2016/01/20160110_101506_AB.jpg": Facts(
            taken=datetime(2016, 1, 10, 10, 15, 6),
            location=Location(31.23, 121.47),
            is_favourite=True,
            caption="雪地里的狗\n在公园",
            tags=("公园", "冬天"),
            albums=("冬天",),
        ),
        "PhotoPrism/2016/01/scan.jpg": Facts(taken=datetime(1988, 10, 1, 16), is_corrected=True),
        "PhotoPrism/2016/01/guess.jpg": None,
    }
    assert [path.name for path, _, _ in into.problems] == ["guess.yml"]


def test_a_yaml_makes_no_objects(tmp_path: Path) -> None:
    tree = photoprism() | {"storage/sidecar/2016/01/guess.yml": "!!python/object/apply:os.system [touch pwned]"}
    _, _, into = arranged(write_tree(tmp_path / "pp", tree))
    assert [path.name for path, _, _ in into.problems] == ["guess.yml"]


_TENFOLD = "x0: &x0 [lol]\n" + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 10))
_MERGED = "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n}\n  <<: [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("told", "is_understood"),
    [
        pytest.param(f"{_TENFOLD}Title: *x9\nTitleSrc: manual\n", False, id="ten to the nine"),
        pytest.param(_MERGED, False, id="ten to the nine, merged"),
        pytest.param("a: " + "[" * 100_000, False, id="deep"),
        pytest.param(f"Lat: {'1:' * 600_000}1\nLng: 1\nPlaceSrc: manual\n", True, id="a number of so many digits"),
        pytest.param(f"Lat: {'1:' * 400}1.5\nLng: 1\nPlaceSrc: manual\n", True, id="a number that is too large"),
        pytest.param("TakenAtLocal: 9999-12-31T23:59:59-14:00\nTakenSrc: manual\n", True, id="after the last year"),
    ],
)
def test_a_yaml_takes_neither_all_memory_nor_all_time(tmp_path: Path, told: str, is_understood: bool) -> None:
    tree = photoprism() | {"storage/sidecar/2016/01/guess.yml": told}
    began = time.process_time()
    _, facts, into = arranged(write_tree(tmp_path / "pp", tree))
    assert facts["PhotoPrism/2016/01/guess.jpg"] is None
    assert [path.name for path, _, _ in into.problems] == ([] if is_understood else ["guess.yml"])
    assert time.process_time() - began < 10


def test_an_xmp_whose_parts_lie_in_each_other_takes_no_longer(tmp_path: Path) -> None:
    deep, wide = 5_000, "<rdf:li>x</rdf:li>" * 20_000
    nested = "<rdf:Description><a>" * deep + wide + "</a></rdf:Description>" * deep
    whole = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{nested}</rdf:RDF>'
    began = time.process_time()
    assert arranged(write_tree(tmp_path / "p", {"a.jpg": jpeg(1), "a.jpg.xmp": whole}))[1] == {"p/a.jpg": None}
    assert time.process_time() - began < 10


def test_of_a_table_of_icloud_what_is_there_is_kept(tmp_path: Path) -> None:
    tree = {"Photos/a.JPG": jpeg(1), "Photos/Photo Details.csv": "imgName,fileChecksum,\n" + "b.JPG,x,\n" * 5 + "a.JPG,x,\n"}
    listing = Listing()
    list_path(write_tree(tmp_path / "iCloud Photos", tree), listing)
    details, _ = _tables(listing.files, Arrangement("en"))
    assert [name for _, name in details] == ["a.JPG"]


def test_an_xmp_expands_nothing(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + APPLE.partition("?>")[2]
    _, facts, into = arranged(write_tree(tmp_path / "p", {"a.jpg": jpeg(1), "a.jpg.xmp": bomb}))
    assert facts == {"p/a.jpg": None}
    assert len(into.problems) == 1


def test_a_plain_folder_keeps_its_names_and_makes_albums_if_wished(tmp_path: Path) -> None:
    top = write_tree(tmp_path / "云南", {"a.jpg": jpeg(1), "大理/b.jpg": jpeg(2), "大理/notes.txt": "x"})
    layout, facts, into = arranged(top)
    assert (layout, facts, into.ignored) == (Layout.FOLDER, {"云南/a.jpg": None, "云南/大理/b.jpg": None}, {".txt": 1})
    assert arranged(top, folder_albums=True)[1] == {
        "云南/a.jpg": Facts(albums=("云南",)),
        "云南/大理/b.jpg": Facts(albums=("大理",)),
    }


def test_names_that_are_no_utf_8_are_read_as_gbk(tmp_path: Path) -> None:
    top = tmp_path / "p"
    top.mkdir()
    Path(os.fsdecode(os.fsencode(top) + b"/" + "湖.jpg".encode("gbk"))).write_bytes(jpeg(1))
    archive = tmp_path / "old.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr(zipfile.ZipInfo("XX.jpg"), jpeg(2))
    archive.write_bytes(archive.read_bytes().replace(b"XX.jpg", "湖".encode("gbk") + b".jpg"))
    assert set(arranged(top, archive)[1]) == {"p/湖.jpg", "old/湖.jpg"}


def test_an_archive_reaches_nowhere_else_and_its_damage_is_one_file_s(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "p.zip", {"../evil.jpg": jpeg(1), "/etc/b.jpg": jpeg(2), "c.jpg": jpeg(3)})
    _, facts, _ = arranged(whole)
    assert set(facts) == {"p/etc/b.jpg", "p/c.jpg"}
    data = bytearray(whole.read_bytes())
    at = data.index(b"c.jpg") + 60
    data[at : at + 40] = bytes(40)
    whole.write_bytes(data)
    listing = Listing()
    list_path(whole, listing)
    opened = next(file for file in listing.files if file.name == "c.jpg").opened
    assert opened is not None
    with pytest.raises(OSError, match="message"), opened() as content:
        content.read()
    (tmp_path / "q.zip").write_bytes(bytes(data[: len(data) // 2]))
    cut = Listing()
    list_path(tmp_path / "q.zip", cut)
    listing.close()
    assert layout_of(cut.files) is Layout.FOLDER


def test_an_archive_whose_unpacking_has_no_bound_is_not_read(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "p.zip", "w", method) as written:
            written.writestr("a.jpg.json", bytes(1000))
        listing = Listing()
        list_path(tmp_path / "p.zip", listing)
        with pytest.raises(OSError, match="message"):
            listing.files[0].read_small()
        listing.close()


def test_names_that_no_file_has_are_told_of_an_archive(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "p.zip", {"a.jpg": jpeg(1), "-a" * 200 + "1.jpg": jpeg(2), "湖.jpg": jpeg(3)})
    listing = Listing()
    list_path(whole, listing)
    listing.close()
    assert [file.name for file in listing.files] == ["a.jpg", "湖.jpg"]
    assert [error.errno for _, error in listing.problems] == [errno.ENAMETOOLONG]
    whole.write_bytes(whole.read_bytes().replace("湖".encode(), b"\xff\xfe\xfd"))  # which says that it is UTF-8
    broken = Listing()
    list_path(whole, broken)
    broken.close()
    assert [error.errno for _, error in broken.problems] == [errno.EBADMSG]


def test_what_is_too_long_is_cut_to_what_the_library_takes() -> None:
    facts = Facts(caption="说\x00" * 3000, tags=("x" * 300, " ", "a\nb"), albums=tuple(f"{number}" for number in range(300)))
    fitting = facts.fitting()
    assert (fitting.caption, fitting.tags, len(fitting.albums)) == ("说" * 2000, ("x" * 100, "ab"), 100)


def test_many_read_one_archive_at_a_time(tmp_path: Path) -> None:
    tree: dict[str, bytes | str] = {f"{number}.jpg": bytes([number]) * 1000 for number in range(50)}
    listing = Listing()
    list_path(write_zip(tmp_path / "p.zip", tree), listing)

    def read(number: int) -> bool:
        file = listing.files[number % 50]
        return file.read_small() == tree[file.name]

    with ThreadPoolExecutor(8) as readers:
        assert all(readers.map(read, range(2000)))
    listing.close()
