"""Photos that a training split and a held-out one share."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from clip_files import jpeg, write_tables
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.tuning.dataset import open_dataset
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


def test_plain_pictures_are_not_all_alike(tmp_path: Path) -> None:
    assert shared(tmp_path, {1: jpeg(1), 2: jpeg(2)}, {3: jpeg(3), 4: jpeg(4)}) is None
