"""What is wrong with a data set or a model: a clear line each from ``soutu-tune evaluate``, and the rest is measured."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clip_files import jpeg, write_tables
from soutu_services.tuning.cli import main
from soutu_services.tuning.clip_lmdb import write_clip_lmdb
from soutu_services.tuning.clip_tables import image_line, images_file, texts_file
from soutu_services.tuning.dataset import TextRow

PICTURES = {number: jpeg(number) for number in range(1, 7)}
TEXTS = [TextRow(number, f"第{number}种颜色", (number,)) for number in PICTURES]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_tables(tmp_path / "data", "test", PICTURES, TEXTS)
    return tmp_path / "data"


def evaluate(data: Path, *options: str, language: str = "en") -> Result:
    command = ["evaluate", str(data), "--output", str(data.parent / "out"), *options]
    return CliRunner().invoke(main, command, env={"SOUTU_LANGUAGE": language, "COLUMNS": "100"})


def test_flaws_of_rows_are_a_line_each_and_the_rest_is_measured(data: Path) -> None:
    with (data / images_file("test")).open("ab") as file:
        file.write(b"7\t!broken base64!\r\n")
        file.write(image_line(1, jpeg(9)))  # the id of another picture
        file.write(image_line(8, PICTURES[2]))  # another id's picture
        file.write(image_line(9, b"no picture"))
        file.write(image_line(10, jpeg(10)))  # nothing is said of it
    rows: list[dict[str, object]] = [
        {"text_id": 1, "text": "编号重复", "image_ids": [1]},
        {"text_id": 20, "text": "很多照片的一句话", "image_ids": [1, 2, 3, 4, 5, 6]},
        {"text_id": 21, "text": "没有照片", "image_ids": [404]},
        {"text_id": 22, "text": "有一张不在", "image_ids": [1, 405]},
        {"text_id": 23, "text": "", "image_ids": [1]},
        {"text_id": 24, "text": "长" * 200_000, "image_ids": [1]},
        {"text_id": 25, "text": "没有编号"},
        {"text_id": 26, "text": "第二张", "image_ids": [8]},
    ]
    with (data / texts_file("test")).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    done = evaluate(data)
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    for part in (
        "1 rows cannot be read",
        "1 pictures are not valid base64",
        "1 pictures cannot be read",
        "1 pictures have the id of another one",
        "1 pictures are those of another id",
        "1 texts have the id of another one",
        "1 texts are empty",
        "1 texts belong to no picture",
        "1 times a text names a picture that is not there",
        "1 pictures have no text",
    ):
        assert sum(part in line for line in lines) == 1, (part, lines)
    figures = json.loads((data.parent / "out" / "evaluation.json").read_text("utf-8"))
    assert figures["photos"] == 8
    assert figures["texts"] + sum("refused by the model" in line for line in lines) == 10
    assert {flaw["kind"] for flaw in figures["flaws"]} >= {"SAME_PICTURE", "PICTURE_WITHOUT_TEXT"}


def no_captions(data: Path) -> list[str]:
    (data / texts_file("test")).write_bytes(b"")
    return []


def only_broken_pictures(data: Path) -> list[str]:
    (data / images_file("test")).write_bytes(b"1\t!\n2\t%%\n")
    return []


def empty(data: Path) -> list[str]:
    write_tables(data, "test", {}, [])
    return []


def other_lmdb(data: Path) -> list[str]:
    encoded = [(number, base64.b64encode(picture)) for number, picture in PICTURES.items()]
    write_clip_lmdb(data / "lmdb" / "new", TEXTS, encoded)
    file = data / "lmdb" / "new" / "pairs" / "data.mdb"
    content = bytearray(file.read_bytes())
    content[20] = content[4096 + 20] = 2
    file.write_bytes(content)
    return ["--split", "new"]


def no_lmdb(data: Path) -> list[str]:
    for name in ("pairs", "imgs"):
        (data / "lmdb" / "new" / name).mkdir(parents=True)
        (data / "lmdb" / "new" / name / "data.mdb").write_text("this is a text")
    return ["--split", "new"]


def missing_split(_: Path) -> list[str]:
    return ["--split", "nowhere"]


def unknown_model(_: Path) -> list[str]:
    return ["--model", "clop:ViT-B-16"]


def no_bundle(data: Path) -> list[str]:
    return ["--model", f"onnx:{data}"]


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (no_captions, "the split 'test' is empty"),
        (only_broken_pictures, "the split 'test' is empty"),
        (empty, "the split 'test' is empty"),
        (other_lmdb, "pairs is not cn_clip's data in an LMDB of version 0.9"),
        (no_lmdb, "pairs is not cn_clip's data in an LMDB of version 0.9"),
        (missing_split, "nowhere_texts.jsonl"),
        (unknown_model, "clop:ViT-B-16"),
        (no_bundle, "manifest.json"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(data: Path, spoil: Callable[[Path], list[str]], part: str) -> None:
    done = evaluate(data, *spoil(data))
    assert (done.exit_code, done.stdout) == (1, "")
    assert part in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert ("2 pictures are not valid base64" in done.stderr) == (spoil is only_broken_pictures), "why it is empty is said"
    assert not (data.parent / "out").exists()


def test_a_model_name_is_no_markup(data: Path) -> None:
    from soutu_services.runtime.language import Text
    from soutu_services.tuning.report_table import figure_table

    table = figure_table(Text(zh="[bold]家[/x]", en="[bold]family[/x]"), "en")
    assert str(table.title) == "[bold]family[/x]"


def test_photos_that_were_trained_on_are_told(data: Path) -> None:
    write_tables(data, "train", {50: PICTURES[3], 51: jpeg(60)}, [])
    done = evaluate(data, "--trained-on", "train", language="zh")
    assert done.exit_code == 0, done.output
    assert "“test”里有 1 张照片也在“train”里" in done.stderr
