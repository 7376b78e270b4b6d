"""When, where and with what a picture was taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from picture_files import encoded, scene
from soutu_services.search.imaging import PictureLimits, Reading, read_picture
from soutu_services.search.imaging.perceptual_hash import perceptual_hash
from soutu_services.search.model import Location, Taken, TakenOrigin

MAKER, MODEL, CHANGED, ORIGINAL, DIGITIZED = 0x010F, 0x0110, 0x0132, 0x9003, 0x9004
OFFSET_ORIGINAL, OFFSET_DIGITIZED = 0x9011, 0x9012
MODIFIED = datetime(2022, 7, 8, 9, 10, 11, 500_000, tzinfo=timezone(timedelta(hours=8)))


def read(
    base: dict[int, Any] | None = None,
    camera: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
    *,
    encoding: str = "JPEG",
    name: str = "",
    modified_at: datetime | None = None,
) -> Reading:
    exif = Image.Exif()
    exif.update(base or {})
    exif.get_ifd(0x8769).update(camera or {})
    exif.get_ifd(0x8825).update(gps or {})
    data = encoded(encoding, exif=exif.tobytes())
    return read_picture(data, PictureLimits(), name=name, modified_at=modified_at)


def taken(*moment: int, offset: int | None = None, origin: TakenOrigin = TakenOrigin.EXIF) -> Taken:
    return Taken(datetime(*moment), offset, origin)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_finds_the_facts_in_every_format_that_holds_them(encoding: str) -> None:
    reading = read(
        {MAKER: "Canon", MODEL: "Canon EOS 5D"},
        {ORIGINAL: "2019:05:01 12:30:15", OFFSET_ORIGINAL: "+08:00"},
        {1: "N", 2: (39.0, 54.0, 15.0), 3: "E", 4: (116.0, 23.0, 29.0)},
        encoding=encoding,
    )
    assert reading.taken == taken(2019, 5, 1, 12, 30, 15, offset=480)
    assert reading.camera == "Canon EOS 5D"
    assert reading.location == Location(39.9041667, 116.3913889)


def test_the_moment_of_the_shot_goes_before_the_others() -> None:
    original, digitized, changed = "2019:05:01 12:30:15", "2020:06:02 01:02:03", "2021:07:03 04:05:06"
    all_three = read({CHANGED: changed}, {ORIGINAL: original, DIGITIZED: digitized, OFFSET_DIGITIZED: "-03:30"})
    assert all_three.taken == taken(2019, 5, 1, 12, 30, 15)
    assert read({CHANGED: changed}, {DIGITIZED: digitized, OFFSET_DIGITIZED: "-03:30"}).taken == taken(
        2020, 6, 2, 1, 2, 3, offset=-210
    )
    assert read({CHANGED: changed}).taken == taken(2021, 7, 3, 4, 5, 6)


@pytest.mark.parametrize(
    "impossible",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "1970:01:01 00:00:00",
        "2019:02:30 12:00:00",
        "2019:13:01 12:00:00",
        "2019:05:01 25:00:00",
        "0001:01:01 00:00:00",
        "9999:01:01 00:00:00",
        "long ago",
        "",
    ],
)
def test_an_impossible_time_counts_as_none(impossible: str) -> None:
    assert read({CHANGED: "2021:07:03 04:05:06"}, {ORIGINAL: impossible}).taken == taken(2021, 7, 3, 4, 5, 6)
    assert read(camera={ORIGINAL: impossible}).taken is None


@pytest.mark.parametrize("offset", ["", "8", "+25:00", "+08:99", "Z8", "\0"])
def test_an_impossible_offset_counts_as_none(offset: str) -> None:
    assert read(camera={ORIGINAL: "2019:05:01 12:30:15", OFFSET_ORIGINAL: offset}).taken == taken(2019, 5, 1, 12, 30, 15)


def test_the_name_goes_before_the_time_of_modification_and_after_exif() -> None:
    name = "手机/IMG_20200203_040506.jpg"
    assert read(camera={ORIGINAL: "2019:05:01 12:30:15"}, name=name, modified_at=MODIFIED).taken == taken(2019, 5, 1, 12, 30, 15)
    assert read(name=name, modified_at=MODIFIED).taken == taken(2020, 2, 3, 4, 5, 6, origin=TakenOrigin.NAME)
    local = MODIFIED.astimezone().replace(tzinfo=None, microsecond=0)
    assert read(name="a.jpg", modified_at=MODIFIED).taken == Taken(local, None, TakenOrigin.MODIFIED)
    assert read(name="a.jpg", modified_at=MODIFIED.astimezone(UTC)).taken == Taken(local, None, TakenOrigin.MODIFIED)
    assert read(name="a.jpg").taken is None


@pytest.mark.parametrize(
    ("maker", "model", "camera"),
    [
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("HUAWEI", "huawei P40", "huawei P40"),
        ("SONY  \0\0", "\0rubbish", "SONY"),
        ("", "DMC-FZ8 ", "DMC-FZ8"),
        ("Xiaomi", "", "Xiaomi"),
        ("a\tb\x01", "c" * 300, "a b " + "c" * 96),
        ("", "", ""),
    ],
)
def test_the_camera_names_its_maker_once(maker: str, model: str, camera: str) -> None:
    assert read({MAKER: maker, MODEL: model}).camera == camera


@pytest.mark.parametrize(
    ("gps", "location"),
    [
        ({1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 0.0)}, Location(-33.8566667, 151.2)),
        ({1: "N", 2: (40.0, 41.4, 0.0), 3: "W", 4: (74.0, 2.7, 0.0)}, Location(40.69, -74.045)),
        ({1: "N", 2: (90.0, 0.0, 0.0), 3: "E", 4: (180.0, 0.0, 0.0)}, Location(90.0, 180.0)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (10.0, 75.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (10.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)}, None),
        ({2: (10.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (10.0, 0.0, 0.0)}, None),
        ({1: "X", 2: (10.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (IFDRational(1, 0),) * 3, 3: "E", 4: (10.0, 0.0, 0.0)}, None),
        ({}, None),
    ],
)
def test_places_are_degrees_or_nothing(gps: dict[int, Any], location: Location | None) -> None:
    assert read(gps=gps).location == location


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def hashed(encoding: str, picture: Image.Image, **options: Any) -> int:
    return read_picture(encoded(encoding, picture, **options), PictureLimits()).phash


def test_versions_of_a_picture_hash_nearly_the_same() -> None:
    picture = scene(800, 600)
    original = hashed("JPEG", picture, quality=95)
    assert 0 <= original < 1 << 64
    assert distance(original, hashed("PNG", picture)) <= 4
    assert distance(original, hashed("JPEG", picture, quality=30)) <= 6
    assert distance(original, hashed("JPEG", picture.resize((400, 300)))) <= 6
    assert distance(original, hashed("WEBP", picture.point(lambda value: min(255, value + 15)))) <= 10


def test_different_pictures_hash_apart() -> None:
    one = hashed("JPEG", scene(800, 600))
    others = [
        hashed("JPEG", scene(800, 600).transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        hashed("JPEG", scene(800, 600).rotate(90)),
        hashed("PNG", Image.radial_gradient("L")),
    ]
    assert all(distance(one, other) >= 16 for other in others)


def test_orientation_does_not_change_the_hash() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = hashed("JPEG", scene().transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert distance(turned, hashed("JPEG", scene())) <= 4


def test_a_picture_of_one_colour_hashes_to_nothing() -> None:
    for colour in ((0, 0, 0), (255, 255, 255), (37, 99, 201)):
        assert perceptual_hash(Image.new("RGB", (300, 200), colour)) == 0
