"""Photos that a training split and a held-out one share."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from clip_files import jpeg, write_tables
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.tuning.dataset import TextRow, WithoutPictures, open_dataset
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.shared_photos import SharedPhotos, shared_photos

LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 20)
SAMPLES = sorted((Path(__file__).parents[3] / "deploy" / "samples").glob("**/*.jpg"))[:12]


def shared(folder: Path, train: dict[int, bytes], valid: dict[int, bytes]) -> SharedPhotos | None:
    write_tables(folder, "train", train, [])
    write_tables(folder, "valid", valid, [])
    return shared_photos(open_dataset(folder, "train"), open_dataset(folder, "valid"), LIMITS, threads=2)


def smaller(path: Path) -> bytes:
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        picture.resize((picture.width // 2, picture.height // 2)).save(buffer, "JPEG", quality=50)
    return buffer.getvalue()


def test_the_same_photo_and_one_made_smaller_are_told(tmp_path: Path) -> None:
    train = {number: path.read_bytes() for number, path in enumerate(SAMPLES[:6], 1)}
    valid = {number: path.read_bytes() for number, path in enumerate(SAMPLES[6:], 10)}
    train[99] = b"no picture"
    assert shared(tmp_path, train, {**valid, 32: b"no picture"}) is None
    found = shared(tmp_path, train, {**valid, 30: train[2], 31: smaller(SAMPLES[3]), 32: b"no picture"})
    assert found == SharedPhotos("train", "valid", same=1, alike=1, first="30")
    assert "'train'" in found.text.en
    assert "“train”" in found.text.zh
    assert found.trained_ids == {2, 4}
    assert "2 photos of 'train'" in found.left_out_text.en
    assert "2 张" in found.left_out_text.zh


def test_every_copy_of_a_photo_is_left_out_with_the_texts_that_fit_no_other(tmp_path: Path) -> None:
    train = {number: path.read_bytes() for number, path in enumerate(SAMPLES[:4], 1)} | {7: SAMPLES[0].read_bytes()}
    train |= {5: jpeg(5), 8: smaller(SAMPLES[0])}  # a plain one in between says nothing of how it looks
    found = shared(tmp_path, train, {30: train[1]})
    assert found is not None
    assert found.trained_ids == {1, 7, 8}
    write_tables(tmp_path, "train", train, [TextRow(1, "狗", (1, 7)), TextRow(2, "海", (2, 8)), TextRow(3, "猫", (3,))])
    left = WithoutPictures(open_dataset(tmp_path, "train"), found.trained_ids)
    assert [one for one, _ in left.pictures(Flaws())] == [2, 3, 4, 5]
    assert list(left.texts(Flaws())) == [TextRow(2, "海", (2,)), TextRow(3, "猫", (3,))]


def test_plain_pictures_are_not_all_alike(tmp_path: Path) -> None:
    assert shared(tmp_path, {1: jpeg(1), 2: jpeg(2)}, {3: jpeg(3), 4: jpeg(4)}) is None
