"""Data sets into a running library, and out of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from clip_files import jpeg, write_tables
from colour_encoder import ColourServer
from loopback_ports import free_address
from search_house import SearchHouse, photo_id_of, picture
from soutu_services.tuning.cli import main
from soutu_services.tuning.clip_lmdb import write_clip_lmdb
from soutu_services.tuning.clip_tables import image_line
from soutu_services.tuning.dataset import TextRow, open_dataset
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import AddedPhoto
from soutu_services.tuning.library_client import LibraryClient


def tune(address: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"SOUTU_LANGUAGE": "en", "SOUTU_ADDRESS": address})


@pytest.mark.parametrize("form", ["tables", "lmdb"])
def test_a_data_set_goes_in_and_comes_out(house: SearchHouse, tmp_path: Path, form: str) -> None:
    pictures = {3: picture("红", 3), 8: picture("绿", 8), 9: picture("蓝", 9)}
    texts = [TextRow(1, "一只红狗", (3,)), TextRow(2, "红色的墙", (3,)), TextRow(3, "草地", (8,))]
    data = tmp_path / "muge"
    write_tables(data, "train", {**pictures, 12: b"no picture"}, texts)
    if form == "lmdb":
        write_clip_lmdb(data / "lmdb" / "train", texts, [(one, image_line(one, b).split()[1]) for one, b in pictures.items()])
        (data / "train_imgs.tsv").unlink()
    first = tune(house.address, "import", str(data), "--split", "train")
    assert first.exit_code == 0, first.output
    assert "3 photos added (muge/train), 0 were there; 2 captions written" in first.stdout
    assert ("1 pictures cannot be read" in first.stderr) == (form == "tables")
    again = tune(house.address, "import", str(data), "--split", "train")
    assert "0 photos added (muge/train), 3 were there; 0 captions written" in again.stdout
    house.settled()
    captions = {photo.name: photo.annotations.caption for photo in house.client.list_photos().photos}
    assert captions == {"muge/train/3.png": "一只红狗\n红色的墙", "muge/train/8.png": "草地", "muge/train/9.png": ""}

    out = tune(house.address, "export", str(tmp_path / "out"), "--splits", "all=1", "--burst-seconds", "0")
    assert out.exit_code == 0, out.output
    assert "all: 3 photos, 4 texts" in out.stdout
    dataset = open_dataset(tmp_path / "out" / "lmdb", "all")
    with (tmp_path / "out" / "photos.tsv").open(encoding="utf-8", newline="") as file:
        names = {int(row["image_id"]): row["name"] for row in csv.DictReader(file, delimiter="\t")}
    said = {(row.text, tuple(sorted(names[one] for one in row.image_ids))) for row in dataset.texts(Flaws())}
    everything = ("muge/train/3.png", "muge/train/8.png", "muge/train/9.png")
    assert said == {
        ("一只红狗", everything[:1]),
        ("红色的墙", everything[:1]),
        ("草地", everything[1:2]),
        ("train", everything),
    }
    for _, data_of_one in dataset.pictures(Flaws()):
        assert Image.open(io.BytesIO(data_of_one)).format == "JPEG"


def test_captions_that_people_wrote_stay(house: SearchHouse, tmp_path: Path) -> None:
    photo_id = house.upload("a.png", picture("红", 1))
    house.client.annotate([photo_id], caption="外婆")
    write_tables(tmp_path, "train", {1: picture("红", 1)}, [TextRow(1, "红", (1,))])
    done = tune(house.address, "import", str(tmp_path), "--split", "train", "--name", "x")
    assert "1 photos keep the captions they had" in done.stdout
    assert house.photo(photo_id).annotations.caption == "外婆"


def test_a_picture_that_the_library_refuses_costs_itself_alone(house: SearchHouse, tmp_path: Path) -> None:
    house.restart(limits={"max_object_bytes": 20_000})
    pictures = {1: picture("红", 1), 2: picture("绿", 2, (200, 150)), 3: picture("蓝", 3), 4: picture("红", 4)}
    assert len(pictures[2]) > 20_000 > len(pictures[1])
    texts = [TextRow(one, f"第{one}张\x07", (one,)) for one in pictures]
    write_tables(tmp_path, "train", pictures, texts)
    done = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert done.exit_code == 0, done.output
    assert "3 photos added (x), 0 were there; 3 captions written" in done.stdout
    assert done.stderr.splitlines()[0].startswith("2: the file")
    assert "refused 1 of the pictures" in done.stderr
    captions = {photo.name: photo.annotations.caption for photo in house.client.list_photos().photos}
    assert captions == {"x/1.png": "第1张", "x/3.png": "第3张", "x/4.png": "第4张"}, "a control character costs no caption"


def test_a_name_that_no_photo_may_have_is_said_and_ends_nothing(house: SearchHouse, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    long = "很" * 100 + ".png"
    for number, name in enumerate(("甲.png", "no picture.txt", long)):
        with suppress(OSError):  # a name that this file system has not is a missing photo
            (tmp_path / "photos" / name).write_bytes(picture("红", number))
    rows = "".join(f"{name}\ttrain\t{name}\n" for name in ("甲.png", "no picture.txt", long))
    (tmp_path / "captions.zh.tsv").write_text(f"photo\tsplit\tcaption\n{rows}", "utf-8")
    done = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert done.exit_code == 0, done.output
    assert "1 photos added" in done.stdout
    assert "no picture.txt: this is no photo file" in done.stderr


def test_one_picture_with_two_ids_gets_the_texts_of_both(house: SearchHouse, tmp_path: Path) -> None:
    same = picture("红", 1)
    write_tables(
        tmp_path, "train", {1: same, 2: picture("绿", 2), 3: same}, [TextRow(1, "红", (1,)), TextRow(2, "cafe\u0301", (3, 2))]
    )
    first = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert "2 photos added (x), 1 were there; 3 captions written, 0 photos keep" in first.stdout
    again = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert "0 photos added (x), 3 were there; 0 captions written, 0 photos keep" in again.stdout
    assert house.photo(photo_id_of(same)).annotations.caption == "红\ncaf\u00e9"


def test_a_query_or_a_folder_is_exported(house: SearchHouse, tmp_path: Path) -> None:
    house.upload("狗/红红.png", picture("红", 1))
    house.upload("猫/绿绿.png", picture("绿", 2))
    house.settled()
    house.client.annotate([house.client.search("红").hits[0].photo.photo_id], add_tags=["外婆"])
    for number, options in enumerate((["--folder", "狗"], ["--query", "红", "--limit", "1"], ["--tag", "外婆"])):
        out = tmp_path / f"out-{number}"
        done = tune(house.address, "export", str(out), "--splits", "train=1", *options)
        assert done.exit_code == 0, done.output
        assert {row.text for row in open_dataset(out, "train").texts(Flaws())} == {"红红", "狗", "外婆"}
    done = tune(house.address, "export", str(tmp_path / "none"), "--from", "2999")
    assert (done.exit_code, done.stderr) == (1, "there is no such photo\n")


def test_a_range_of_dates_is_exported(house: SearchHouse, tmp_path: Path) -> None:
    for year in (2018, 2019, 2020):
        house.upload(f"外婆{year}/IMG_{year}0501_123000.png", picture("红", year))
    house.upload("外公/IMG_20191231_235959.png", picture("绿", 1))
    house.settled()
    done = tune(house.address, "export", str(tmp_path / "out"), "--splits", "train=1", "--from", "2019", "--until", "2019-12-31")
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "photos.tsv").open(encoding="utf-8", newline="") as file:
        names = {row["name"] for row in csv.DictReader(file, delimiter="\t")}
    assert names == {"外婆2019/IMG_20190501_123000.png", "外公/IMG_20191231_235959.png"}


def test_what_the_library_cannot_give_yet_is_said(house: SearchHouse, embedding: ColourServer, tmp_path: Path) -> None:
    house.upload("外婆.png", picture("红", 1))
    house.settled()
    embedding.encoders[0].gate.clear()
    house.upload("外公.png", picture("绿", 2))
    done = tune(house.address, "export", str(tmp_path / "out"), "--splits", "train=1")
    embedding.encoders[0].gate.set()
    assert "train: 1 photos, 1 texts" in done.stdout
    assert "1 photos of the library still wait" in done.stderr


def test_near_duplicates_of_the_library_share_a_split(house: SearchHouse, tmp_path: Path) -> None:
    noise = Image.effect_noise((320, 240), 90).resize((64, 48)).resize((320, 240), Image.Resampling.BICUBIC).convert("RGB")
    for number in range(6):
        buffer = io.BytesIO()
        noise.save(buffer, "JPEG", quality=60 + 5 * number)
        house.upload(f"版本{'一二三四五六'[number]}.jpg", buffer.getvalue())
    house.settled()
    done = tune(house.address, "export", str(tmp_path / "out"), "--splits", "a=0.25,b=0.25,c=0.25,d=0.25")
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "photos.tsv").open(encoding="utf-8", newline="") as file:
        assert len({row["split"] for row in csv.DictReader(file, delimiter="\t")}) == 1
    assert done.stderr.count("is empty") == 3


def test_flaws_of_a_data_set_are_a_line_each_and_the_rest_is_added(house: SearchHouse, tmp_path: Path) -> None:
    write_tables(
        tmp_path,
        "train",
        {1: picture("红", 1), 2: picture("绿", 2), 5: b"no picture"},
        [TextRow(1, "一句话", (1, 2)), TextRow(1, "编号重复", (1,)), TextRow(3, "没有照片", (404,)), TextRow(4, " ", (1,))],
    )
    with (tmp_path / "train_imgs.tsv").open("ab") as file:
        file.write(b"3\t!!\n" + image_line(1, picture("蓝", 7)) + b"just a line\n")
    write_clip_lmdb(tmp_path / "lmdb" / "other", [], [])
    (tmp_path / "lmdb" / "other" / "imgs" / "data.mdb").write_bytes(b"another version")
    write_tables(tmp_path, "empty", {}, [])
    write_tables(tmp_path, "broken", {1: b"no picture"}, [TextRow(1, "红", (1,))])
    done = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert done.exit_code == 0, done.output
    assert "2 photos added (x), 0 were there; 2 captions written" in done.stdout
    for part in (
        "1 rows cannot be read",
        "1 pictures are not valid base64",
        "1 pictures cannot be read",
        "1 pictures have the id of another one",
        "1 texts have the id of another one",
        "1 texts are empty",
        "1 times a text names a picture that is not there",
    ):
        assert sum(part in line for line in done.stderr.splitlines()) == 1, (part, done.stderr)
    for split, part in (("empty", "'empty' has no picture"), ("broken", "'broken' has no picture"), ("other", "version 0.9")):
        refused = tune(house.address, "import", str(tmp_path), "--split", split)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert part in refused.stderr.splitlines()[-1]
        assert ("1 pictures cannot be read" in refused.stderr) == (split == "broken"), "why it is empty is said"


def test_an_import_that_the_service_leaves_says_what_it_did_and_goes_on(
    house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.tuning.library_client._FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("soutu_services.tuning.dataset_import._BATCH", 2)
    write_tables(tmp_path, "train", {one: picture("红", one) for one in range(1, 7)}, [TextRow(1, "红", (1,))])
    add = LibraryClient.add

    def until_the_third(self: LibraryClient, pictures: Sequence[tuple[str, bytes]]) -> list[AddedPhoto]:
        if pictures[0][0] == "x/5.png":
            house.stop()
        return add(self, pictures)

    with monkeypatch.context() as patch:
        patch.setattr(LibraryClient, "add", until_the_third)
        cut = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert (cut.exit_code, cut.stderr.count("\n")) == (1, 1)
    assert "4 photos added (x), 0 were there; 1 captions written" in cut.stdout
    house.start()
    again = tune(house.address, "import", str(tmp_path), "--name", "x")
    assert "2 photos added (x), 4 were there; 0 captions written" in again.stdout


def test_what_cannot_be_is_one_line(house: SearchHouse, tmp_path: Path) -> None:
    write_tables(tmp_path, "train", {1: jpeg(1)}, [TextRow(1, "红", (1,))])
    for arguments, part in (
        (["export", str(tmp_path / "out"), "--splits", "train=0.5"], "--splits"),
        (["export", str(tmp_path / "out"), "--splits", "../x=1"], "--splits"),
        (["export", str(tmp_path / "out"), "--address", "nas.local:8401"], "SOUTU_AUTHORITY"),
        (["import", str(tmp_path), "--address", "nowhere"], "nowhere"),
        (["import", str(tmp_path), "--split", "test"], "test_texts.jsonl"),
    ):
        done = tune(house.address, *arguments)
        assert done.exit_code == 1
        assert done.stderr.count("\n") == 1
        assert part in done.stderr


def test_a_store_that_is_away_is_said_and_costs_nothing(
    house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.tuning.library_client._FIRST_PAUSE_SECONDS", 0.01)
    house.upload("外婆.png", picture("红", 1))
    house.settled()
    write_tables(tmp_path, "train", {1: picture("绿", 2)}, [TextRow(1, "绿", (1,))])
    commands = (["export", str(tmp_path / "out"), "--splits", "a=1"], ["import", str(tmp_path), "--name", "x"])
    house.store.stop()
    for command in commands:
        done = tune(house.address, *command)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith("the photo store (S3) does not answer")
        assert "cannot be read" not in done.stderr
    house.store.start_again()
    exported, imported = (tune(house.address, *command) for command in commands)
    assert "a: 1 photos, 1 texts" in exported.stdout
    assert "1 photos added" in imported.stdout


def test_a_service_that_is_away_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.tuning.library_client._FIRST_PAUSE_SECONDS", 0.01)
    address = free_address()
    done = tune(address, "export", str(tmp_path / "out"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert address in done.stderr
