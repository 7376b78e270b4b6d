"""What is read from cameras' raw files. The files are real: LibRaw takes them for a camera's."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from picture_files import encoded, scene
from raw_files import dng
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable, read_picture
from soutu_services.search.model import Taken, TakenOrigin, UnreadableReason

LIMITS = PictureLimits()


def read(data: bytes, name: str = "IMG_1.DNG", **options: object) -> Reading:
    return read_picture(data, LIMITS, name=name, **options)  # type: ignore[arg-type]


def corner_colours(reading: Reading) -> str:
    """The dominant colour at the four corners of the thumbnail, clockwise from the upper left."""
    pixels = np.asarray(Image.open(BytesIO(reading.thumbnail)).convert("RGB"))
    corners = (pixels[4, 4], pixels[4, -5], pixels[-5, -5], pixels[-5, 4])
    return "".join("rgb"[int(np.argmax(corner))] for corner in corners)


@pytest.mark.parametrize("preview", [None, (600, 450), (160, 120)])
def test_a_raw_file_is_a_picture(preview: tuple[int, int] | None) -> None:
    reading = read(dng(preview=preview))
    assert (reading.width, reading.height, reading.media_type) == (640, 480, "image/x-raw")
    assert corner_colours(reading) == "rbgg"


def test_the_cameras_own_picture_is_taken_where_it_is_large_enough() -> None:
    with_preview = dng(scene(640, 480), preview=(600, 450))
    damaged = bytearray(with_preview)
    damaged[8 : 8 + 400_000] = bytes(400_000)  # what the sensor saw is gone
    assert corner_colours(read(bytes(damaged))) == "rbgg"
    small = Image.open(BytesIO(read(dng(preview=(160, 120))).thumbnail))
    assert max(small.size) == 320  # half of what the sensor saw, not the tiny preview


@pytest.mark.parametrize(("orientation", "corners"), [(3, "ggrb"), (6, "grbg"), (8, "bggr")])
@pytest.mark.parametrize("preview", [None, (600, 450)])
def test_it_is_shown_upright(orientation: int, corners: str, preview: tuple[int, int] | None) -> None:
    reading = read(dng(orientation=orientation, preview=preview))
    assert (reading.width, reading.height) == ((640, 480) if orientation == 3 else (480, 640))
    assert corner_colours(reading) == corners


def test_a_preview_that_is_upright_already_is_not_turned_again() -> None:
    upright = scene(640, 480).transpose(Image.Transpose.ROTATE_270)
    turned = dng(orientation=6, preview=(600, 450))
    out = BytesIO()
    upright.resize((450, 600)).save(out, "JPEG", quality=30)
    at, end = turned.index(b"\xff\xd8\xff"), turned.index(b"\xff\xd9") + 2
    assert len(out.getvalue()) <= end - at
    assert corner_colours(read(turned[:at] + out.getvalue().ljust(end - at, b"\0") + turned[end:])) == "grbg"


def test_it_tells_when_and_with_what_it_was_taken() -> None:
    reading = read(dng(taken="2024:05:01 12:30:00", maker="Canon", model="Canon EOS R5"))
    assert reading.taken == Taken(datetime(2024, 5, 1, 12, 30), None, TakenOrigin.EXIF)
    assert reading.camera == "Canon EOS R5"


def test_it_is_known_by_its_content_and_by_its_name() -> None:
    assert read(dng(), name="renamed.tif").media_type == "image/x-raw"
    assert read(encoded("JPEG"), name="renamed.dng").media_type == "image/jpeg"
    assert read(encoded("TIFF"), name="picture.tif").media_type == "image/tiff"


@pytest.mark.parametrize("declared", [(60_000, 60_000), (20_000, 20_000)])
def test_more_pixels_than_the_limit_are_refused_before_they_are_unpacked(declared: tuple[int, int]) -> None:
    with pytest.raises(Unreadable) as caught:
        read(dng(declared=declared))
    assert caught.value.reason is UnreadableReason.TOO_MANY_PIXELS


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (dng()[:300_000], "IMG_1.DNG"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "IMG_1.CR3"),
        (dng(declared=(1280, 960)), "IMG_1.DNG"),  # the half of what it says
    ],
)
def test_a_raw_file_that_is_cut_off(data: bytes, name: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(data, name)
    assert caught.value.reason is UnreadableReason.BROKEN


def test_damaged_bytes_give_a_reading_or_a_reason() -> None:
    whole = dng(scene(64, 64), preview=(64, 64), taken="2024:05:01 12:30:00")
    chance = np.random.default_rng(5)  # the same damage on each run
    for _ in range(150):
        damaged = np.frombuffer(whole, np.uint8).copy()
        at = chance.integers(0, len(damaged), chance.integers(1, 6))
        damaged[at] = chance.integers(0, 256, len(at))
        tail = len(damaged) - chance.integers(0, 600)
        damaged[tail : tail + 3] = 255  # where the folders are
        try:
            read_picture(damaged.tobytes(), PictureLimits(max_pixels=1_000_000), name="a.dng")
        except Unreadable:
            continue
