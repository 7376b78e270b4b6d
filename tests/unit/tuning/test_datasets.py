"""Chinese-CLIP's data formats, in both directions, and what is wrong with them."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import lmdb
import pytest

from clip_files import jpeg, write_tables
from patience import PATIENCE
from soutu_services.runtime.errors import DataLoss, InvalidInput
from soutu_services.tuning.clip_lmdb import ClipLmdb, write_clip_lmdb
from soutu_services.tuning.clip_tables import ClipTables, images_file, texts_file
from soutu_services.tuning.dataset import TextRow, open_dataset
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.id_set import IdSet

TEXTS = [TextRow(5, "雪地里的狗", (11,)), TextRow(6, "海边", (7, 12)), TextRow(9, "外婆", (12,))]
PICTURES = {11: jpeg(1), 7: jpeg(2), 12: jpeg(3)}


def write_lmdb(folder: Path) -> None:
    tables = [line.split(b"\t") for line in (folder / images_file("train")).read_bytes().splitlines()]
    write_clip_lmdb(folder / "lmdb" / "train", TEXTS, [(int(one), data) for one, data in tables])


def found(flaws: Flaws) -> dict[Flaw, tuple[int, str]]:
    return {report.flaw: (report.count, report.first) for report in flaws.reports()}


@pytest.mark.parametrize("form", ["tables", "lmdb"])
def test_reads_back_what_was_written(tmp_path: Path, form: str) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    if form == "lmdb":
        write_lmdb(tmp_path)
        (tmp_path / images_file("train")).unlink()
    dataset, flaws = open_dataset(tmp_path, "train"), Flaws()
    assert isinstance(dataset, ClipLmdb if form == "lmdb" else ClipTables)
    assert list(dataset.texts(flaws)) == TEXTS
    assert dict(dataset.pictures(flaws)) == PICTURES
    assert found(flaws) == {}


def test_writes_the_lmdb_that_cn_clip_builds(tmp_path: Path) -> None:
    import cn_clip

    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    script = [
        sys.executable,
        f"{cn_clip.__path__[0]}/preprocess/build_lmdb_dataset.py",
        "--data_dir",
        str(tmp_path),
        "--splits",
        "train",
    ]
    subprocess.run([*script, "--lmdb_dir", str(tmp_path / "theirs")], check=True, timeout=PATIENCE, capture_output=True)
    for name in ("pairs", "imgs"):
        mine, theirs = (rows_of(tmp_path / base / "train" / name) for base in ("lmdb", "theirs"))
        assert mine == theirs
        assert mine


def test_the_file_is_of_the_version_that_cn_clip_pins(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    header = (tmp_path / "lmdb" / "train" / "imgs" / "data.mdb").read_bytes()[16:24]
    assert header == (0xBEEFC0DE).to_bytes(4, "little") + (1).to_bytes(4, "little"), "MDB_DATA_VERSION of LMDB 0.9"


def test_the_loader_of_cn_clip_reads_what_was_written(tmp_path: Path) -> None:
    """Its transforms need torchvision and timm, which read nothing; plain ones stand in for them."""
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    program = """
        import json, sys, types
        import numpy as np
        transforms, timm = types.ModuleType("torchvision.transforms"), types.ModuleType("timm.data")
        transforms.Compose = lambda steps: lambda image: [image := step(image) for step in steps][-1]
        transforms.Resize = lambda size, interpolation: lambda image: image.resize(size)
        transforms.ToTensor = lambda: lambda image: np.asarray(image).mean(axis=(0, 1))
        transforms.Normalize = lambda mean, std: lambda image: image
        transforms.InterpolationMode = types.SimpleNamespace(BICUBIC=3)
        timm.create_transform = None
        sys.modules |= {"torchvision": types.ModuleType("torchvision"), "torchvision.transforms": transforms,
                        "timm": types.ModuleType("timm"), "timm.data": timm}
        from cn_clip.clip import _tokenizer
        from cn_clip.training.data import LMDBDataset
        dataset = LMDBDataset(sys.argv[1], split="train", max_txt_length=52)
        rows = [dataset[place] for place in range(len(dataset))]
        words = ["".join(_tokenizer.convert_ids_to_tokens(text.tolist()[1:eos])) for _, text, eos in rows]
        print(json.dumps([dataset.number_images, words, [image.round().tolist() for image, _, _ in rows]]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "lmdb" / "train")]
    answer = subprocess.run(command, check=True, timeout=PATIENCE, capture_output=True, text=True)
    images, words, means = json.loads(answer.stdout)
    assert (images, words) == (3, ["雪地里的狗", "海边", "海边", "外婆"])
    expected = [(37, 91, 13), (74, 182, 26), (111, 17, 39), (111, 17, 39)]
    assert all(abs(a - b) < 4 for mean, want in zip(means, expected, strict=True) for a, b in zip(mean, want, strict=True))


def test_flaws_of_tables_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    with (tmp_path / images_file("train")).open("ab") as file:
        file.write(b"13\t!!not base64!!\n14\n11\t" + base64.urlsafe_b64encode(jpeg(9)) + b"\nx\tAAAA\n15\t\n")
        file.write(b"16\t" + base64.urlsafe_b64encode(jpeg(4)) + b"\n")
    with (tmp_path / texts_file("train")).open("ab") as file:
        file.write(b'{"text_id": 5, "text": "\xe7\x8c\xab", "image_ids": [11]}\nnot json\n{"text_id": "1"}\n')
        file.write(b'{"text_id": 20, "text": " ", "image_ids": [11]}\n\xff\xfe\n' + b"[" * 100_000 + b"\n")
    dataset, flaws = open_dataset(tmp_path, "train"), Flaws()
    assert list(dataset.texts(flaws)) == TEXTS
    assert dict(dataset.pictures(flaws)) == {**PICTURES, 16: jpeg(4)}
    assert found(flaws) == {
        Flaw.BROKEN_ROW: (6, "train_texts.jsonl:5"),
        Flaw.BROKEN_BASE64: (2, "train_imgs.tsv:4"),
        Flaw.PICTURE_ID_CLASH: (1, "train_imgs.tsv:6"),
        Flaw.TEXT_ID_CLASH: (1, "train_texts.jsonl:4"),
        Flaw.EMPTY_TEXT: (1, "train_texts.jsonl:7"),
    }
    assert all("train" in report.text.zh and report.text.en for report in flaws.reports())


def test_flaws_of_an_lmdb_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    change(tmp_path / "lmdb/train/pairs", {b"1": pickle.dumps(("7", 6, "海边")), b"3": pickle.dumps((12, 5, "重复"))})
    change(tmp_path / "lmdb/train/imgs", {b"7": b"%%%"})
    dataset, flaws = open_dataset(tmp_path / "lmdb", "train"), Flaws()
    assert list(dataset.texts(flaws)) == [TEXTS[0], TextRow(6, "海边", (12,))]
    assert set(dict(dataset.pictures(flaws))) == {11, 12}
    assert found(flaws) == {
        Flaw.BROKEN_ROW: (1, "pairs:1"),
        Flaw.TEXT_ID_CLASH: (1, "pairs:3"),
        Flaw.BROKEN_BASE64: (1, "imgs:7"),
    }


@pytest.mark.parametrize("form", ["tables", "lmdb"])
def test_ids_of_more_than_64_bits_and_halves_of_characters_are_broken_rows(tmp_path: Path, form: str) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    large = 1 << 63
    if form == "tables":
        with (tmp_path / images_file("train")).open("ab") as file:
            file.writelines(b"%d\t%s\n" % (one, base64.b64encode(jpeg(1))) for one in (large, 10**30))
            file.write(b"9" * 5000 + b"\tAAAA\n")
        rows = ({"text_id": large, "text": "a"}, {"text_id": 21, "text": "b"}, {"text_id": 22, "text": "\ud83d"})
        with (tmp_path / texts_file("train")).open("a") as file:
            file.writelines(json.dumps({**row, "image_ids": [large if row["text"] == "b" else 11]}) + "\n" for row in rows)
    else:
        write_lmdb(tmp_path)
        (tmp_path / images_file("train")).unlink()
        pairs = [(11, large, "a"), (large, 21, "b"), (11, 22, "\ud83d")]
        added = {str(4 + place).encode(): pickle.dumps(pair) for place, pair in enumerate(pairs)}
        change(tmp_path / "lmdb/train/pairs", {**added, b"num_samples": b"7"})
        encoded = base64.b64encode(jpeg(1))
        change(tmp_path / "lmdb/train/imgs", {str(large).encode(): encoded, b"1" + b"0" * 30: encoded, b"9" * 500: encoded})
    dataset, flaws = open_dataset(tmp_path, "train"), Flaws()
    assert list(dataset.texts(flaws)) == TEXTS
    assert dict(dataset.pictures(flaws)) == PICTURES
    assert {flaw: count for flaw, (count, _) in found(flaws).items()} == {Flaw.BROKEN_ROW: 6}


def test_one_split_does_not_pass_for_another(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    assert len(list(open_dataset(tmp_path / "lmdb" / "train", "train").texts(Flaws()))) == 3
    with pytest.raises(InvalidInput):  # a model would be measured on what it was trained on
        open_dataset(tmp_path / "lmdb" / "train", "valid")


def test_an_lmdb_runs_no_program(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    change(tmp_path / "lmdb/train/pairs", {b"0": pickle.dumps((11, Hostile(), "狗"))})
    flaws = Flaws()
    assert len(list(open_dataset(tmp_path / "lmdb", "train").texts(flaws))) == 2
    assert found(flaws) == {Flaw.BROKEN_ROW: (1, "pairs:0")}
    assert not (tmp_path / "ran").exists()


def test_a_row_of_an_lmdb_takes_no_more_memory_than_it_holds(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    remembered_far_away = b"\x80\x02K\x01r\xff\xff\xff\x00K\x02X\x01\x00\x00\x00a\x87."
    change(tmp_path / "lmdb/train/pairs", {b"0": remembered_far_away})
    tracemalloc.start()
    assert len(list(open_dataset(tmp_path / "lmdb", "train").texts(Flaws()))) >= 2
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_lmdb_of_any_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    pairs = [(11, 1 << 40, "狗 dog \n"), (11, 300, "海" * 300), (11, 70_000, "猫")]
    change(tmp_path / "lmdb/train/pairs", {str(at).encode(): pickle.dumps(pair, protocol) for at, pair in enumerate(pairs)})
    read = list(open_dataset(tmp_path / "lmdb", "train").texts(Flaws()))
    assert [(row.image_ids[0], row.text_id, row.text) for row in read[:3]] == pairs


@pytest.mark.parametrize("damage", ["version", "junk", "no count", "no number", "cut short"])
def test_an_lmdb_of_another_version_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    file = tmp_path / "lmdb/train/imgs/data.mdb"
    content = bytearray(file.read_bytes())
    if damage == "no count":
        change(file.parent, {b"num_images": None})
    elif damage == "no number":
        change(file.parent, {b"num_images": b"many"})
    elif damage == "cut short":  # a copy that was stopped: to read on would end the program with a signal
        file.write_bytes(content[: len(content) // 2])
    elif damage == "junk":
        file.write_bytes(b"junk" * 4096)
    else:
        for page in (0, 4096):
            content[page + 20] = 2
        file.write_bytes(content)
    with pytest.raises(DataLoss) as caught:
        open_dataset(tmp_path / "lmdb", "train")
    assert "\n" not in caught.value.text.zh + caught.value.text.en
    assert "imgs" in caught.value.text.en


def test_an_lmdb_that_promises_more_than_it_holds_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    write_lmdb(tmp_path)
    change(tmp_path / "lmdb/train/pairs", {b"num_samples": b"9" * 5000, b"1": None})
    flaws = Flaws()
    rows = list(open_dataset(tmp_path / "lmdb", "train").texts(flaws))
    assert [row.text for row in rows] == ["雪地里的狗", "海边"]
    assert found(flaws)[Flaw.BROKEN_ROW][1] == "pairs:3"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_byte_order_marks_and_windows_line_ends_cost_no_row(tmp_path: Path, ending: str) -> None:
    write_tables(tmp_path, "train", PICTURES, TEXTS)
    for name in (images_file("train"), texts_file("train")):
        lines = (tmp_path / name).read_bytes().replace(b"\n", ending.encode())
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + lines)
    dataset, flaws = open_dataset(tmp_path, "train"), Flaws()
    assert list(dataset.texts(flaws)) == TEXTS
    assert dict(dataset.pictures(flaws)) == PICTURES
    assert found(flaws) == {}


def test_a_table_of_captions_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(jpeg(1))
    long = "很长" * 100_000
    rows = ["photo\tsplit\tcaption", 'a.jpg\tval\t"引号" 狗', f"a.jpg\tval\t{long}", "a.jpg\tval", "b.jpg"]
    (tmp_path / "captions.zh.tsv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    dataset, flaws = open_dataset(tmp_path, "val"), Flaws()
    assert [row.text for row in dataset.texts(flaws)] == ['"引号" 狗', long]
    assert found(flaws) == {Flaw.EMPTY_TEXT: (1, "captions.zh.tsv: a.jpg")}


@pytest.mark.parametrize("content", [b"", b"photo,split,caption\na.jpg,val,x\n", "photo\tsplit\tcaption\n".encode("utf-16")])
def test_a_table_of_captions_that_is_none_says_what_it_needs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "captions.zh.tsv").write_bytes(content)
    with pytest.raises(InvalidInput, match="photo, split, caption"):
        open_dataset(tmp_path, "val")


def test_ids_are_remembered_however_many_there_are() -> None:
    seen = IdSet()
    ids = [(number * 2_654_435_761) % (1 << 63) - (1 << 62) for number in range(150_000)]
    for one in ids:
        seen.add(one)
    assert all(one in seen for one in ids[::97])
    assert ids[3] + 1 not in seen
    assert (1 << 63) - 1 not in seen


def test_a_folder_that_holds_nothing_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_dataset(tmp_path, "valid")
    assert "valid_texts.jsonl" in caught.value.text.zh


def test_reads_a_table_of_captions(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(("b.jpg", "a.jpg")):
        (tmp_path / "photos" / name).write_bytes(jpeg(number))
    rows = ["photo\tsplit\tcaption", "b.jpg\tval\t狗", "a.jpg\tval\t猫", "b.jpg\tval\t", "../x\tval\t贼", "c.jpg\ttrain\t车"]
    (tmp_path / "captions.zh.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    dataset, flaws = open_dataset(tmp_path, "val"), Flaws()
    assert [(row.text, [dataset.picture_name(one) for one in row.image_ids]) for row in dataset.texts(flaws)] == [
        ("狗", ["b.jpg"]),
        ("猫", ["a.jpg"]),
        ("贼", ["../x"]),
    ]
    assert [(dataset.picture_name(one), data) for one, data in dataset.pictures(flaws)] == [
        ("a.jpg", jpeg(1)),
        ("b.jpg", jpeg(0)),
    ]
    assert found(flaws) == {Flaw.EMPTY_TEXT: (1, "captions.zh.tsv: b.jpg"), Flaw.BROKEN_PICTURE: (1, "../x")}
    with pytest.raises(InvalidInput, match="train, val"):
        open_dataset(tmp_path, "test")


def rows_of(path: Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as rows:
        return dict(rows.cursor())


def change(path: Path, rows: dict[bytes, bytes | None]) -> None:
    with lmdb.open(str(path), map_size=1 << 30) as environment, environment.begin(write=True) as transaction:
        for key, value in rows.items():
            if value is None:
                transaction.delete(key)
            else:
                transaction.put(key, value)
