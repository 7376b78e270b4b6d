"""Kept vectors: used while nothing has changed, and made again where anything has."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from clip_files import jpeg
from colour_encoder import ColourEncoder
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.vector_cache import cached_pairs

LONG = "很长的一句话" * 5000 + "\0"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "b.jpg")):
        (folder / "photos" / name).write_bytes(jpeg(number + 1))
    (folder / "captions.zh.tsv").write_text(f"photo\tsplit\tcaption\na.jpg\tval\t红\nb.jpg\tval\t{LONG}\n", "utf-8")
    return folder


def pairs_of(data: Path, encoder: ColourEncoder) -> EmbeddedPairs:
    return cached_pairs(open_dataset(data, "val"), encoder, data.parent / "vectors", Flaws(), threads=1)


def test_a_model_sees_each_picture_once(data: Path) -> None:
    encoder = ColourEncoder()
    first, again = pairs_of(data, encoder), pairs_of(data, encoder)
    assert encoder.images_embedded == 2
    assert again.texts == first.texts == ("红", LONG)
    assert np.array_equal(again.images, first.images)
    assert np.array_equal(again.pairs, first.pairs)
    assert next((data.parent / "vectors").iterdir()).stat().st_size < 300_000, "one long text makes no long row of each"


def test_a_photo_that_changed_is_seen_again_whatever_the_times_say(data: Path) -> None:
    encoder = ColourEncoder()
    pairs_of(data, encoder)
    photo, folder = data / "photos" / "a.jpg", data / "photos"
    times = {path: (path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in (photo, folder)}
    changed = bytearray(jpeg(9))
    photo.write_bytes(changed.ljust(photo.stat().st_size, b"\0"))
    for path, kept in times.items():
        os.utime(path, ns=kept)
    pairs = pairs_of(data, encoder)
    assert encoder.images_embedded == 4
    expected = encoder.encode_images([encoder.prepare_image(bytes(changed))])
    assert np.allclose(pairs.images[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "changed"])
def test_a_damaged_file_is_made_again(data: Path, damage: str) -> None:
    encoder = ColourEncoder()
    whole = pairs_of(data, encoder)
    (kept,) = (data.parent / "vectors").iterdir()
    content = kept.read_bytes()
    middle = len(content) // 2
    kept.write_bytes(
        {
            "empty": b"",
            "cut": content[:middle],
            "text": b"not vectors",
            "changed": content[:middle] + bytes(64) + content[middle + 64 :],
        }[damage]
    )
    assert np.array_equal(pairs_of(data, encoder).images, whole.images)
    assert encoder.images_embedded == 4
    pairs_of(data, encoder)
    assert encoder.images_embedded == 4
