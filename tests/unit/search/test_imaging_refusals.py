"""What cannot be read is refused with its own reason, cheaply, and nothing else ever comes out."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageFile

from picture_files import FORMATS, encoded, giant_jpeg, gif_bomb, ico_with, png_of_size, scene, webp_of_size
from soutu_services.search.imaging import PictureLimits, Unreadable, read_picture
from soutu_services.search.model import UnreadableReason

LIMITS = PictureLimits()


def reason(data: bytes, limits: PictureLimits = LIMITS, name: str = "") -> UnreadableReason:
    with pytest.raises(Unreadable) as caught:
        read_picture(data, limits, name=name)
    return caught.value.reason


def test_an_empty_file() -> None:
    assert reason(b"", name="a.jpg") is UnreadableReason.EMPTY


@pytest.mark.parametrize(
    "data",
    [
        "这不是图片".encode(),
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\0\0\0\x20ftypM4A \0\0\2\0isomiso2",
        b"x",
        b"BM is how this text begins, and it is no bitmap",
    ],
    ids=["text", "pdf", "svg", "postscript", "song", "one byte", "text like a bitmap"],
)
def test_what_is_no_picture(data: bytes) -> None:
    assert reason(data, name="photo.jpg") is UnreadableReason.NOT_AN_IMAGE


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_truncated_picture_is_broken(encoding: str, share: float) -> None:
    noise = Image.effect_noise((200, 200), 80).convert("RGB")
    whole = encoded(encoding, noise)
    assert read_picture(whole, LIMITS)
    assert reason(whole[: int(len(whole) * share)]) is UnreadableReason.BROKEN


def test_a_picture_overwritten_with_zeros_is_broken() -> None:
    assert reason(b"\0" * 5000, name="a.jpg") is UnreadableReason.BROKEN
    assert reason(b"\x89PNG\r\n\x1a\n" + b"\0" * 200) is UnreadableReason.BROKEN


def test_a_setting_of_pillow_elsewhere_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_picture(encoded("JPEG"), LIMITS)
    assert read_picture(encoded("PNG"), LIMITS)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_file_over_the_byte_limit() -> None:
    data = encoded("PNG")
    assert reason(data, PictureLimits(max_bytes=len(data) - 1)) is UnreadableReason.TOO_LARGE
    assert read_picture(data, PictureLimits(max_bytes=len(data)))


@pytest.mark.parametrize("encoding", sorted(FORMATS.keys() - {"JPEG", "MPO"}))
def test_more_pixels_than_the_limit(encoding: str) -> None:
    data = encoded(encoding, scene(64, 64))
    assert reason(data, PictureLimits(max_pixels=4_095)) is UnreadableReason.TOO_MANY_PIXELS
    assert read_picture(data, PictureLimits(max_pixels=4_096))


def test_a_jpeg_has_a_limit_of_its_own() -> None:
    data = encoded("JPEG", scene(100, 100))
    assert read_picture(data, PictureLimits(max_pixels=1, max_reduced_pixels=10_000))
    assert reason(data, PictureLimits(max_reduced_pixels=9_999)) is UnreadableReason.TOO_MANY_PIXELS
    progressive = encoded("JPEG", scene(100, 100), progressive=True)
    assert reason(progressive, PictureLimits(max_reduced_pixels=19_999)) is UnreadableReason.TOO_MANY_PIXELS
    assert read_picture(progressive, PictureLimits(max_reduced_pixels=20_000))


BOMBS = {
    "gif canvas": gif_bomb(canvas=60_000, frame=10),
    "gif frame": gif_bomb(canvas=32, frame=65_000),
    "gif frame kept": gif_bomb(canvas=32, frame=65_000, disposal=3),
    "gif frame behind what is no block": gif_bomb(canvas=32, frame=65_000).replace(b"!\xf9", b"!\xf9\0\0\0!\xf9"),
    "icon of png": ico_with(png_of_size(60_000, 60_000)),
    "icon of bitmap": ico_with(b"\x28\0\0\0\xff\xff\0\0\xff\xff\0\0" + b"\1\0\x20\0" + b"\0" * 24),
    "png": png_of_size(60_000, 60_000),
    "webp canvas": webp_of_size(16_000, 16_000),
    "jpeg": giant_jpeg(65_000, 8).replace((8).to_bytes(2, "big") + (65_000).to_bytes(2, "big"), b"\xfd\xe8\xfd\xe8"),
    "jpeg 2000": encoded("JPEG2000", scene(64, 64)).replace((64).to_bytes(4, "big"), (60_000).to_bytes(4, "big")),
    "bmp": encoded("BMP", scene(64, 64)).replace((64).to_bytes(4, "little") * 2, (60_000).to_bytes(4, "little") * 2),
    "tiff": encoded("TIFF", scene(641, 642))
    .replace((641).to_bytes(2, "little"), (60_000).to_bytes(2, "little"))
    .replace((642).to_bytes(2, "little"), (60_001).to_bytes(2, "little")),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_decompression_bomb_is_refused_from_its_header(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_room(image: ImageFile.ImageFile) -> None:
        pytest.fail(f"room was made for {image.size} pixels")

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", make_room)
    assert reason(BOMBS[bomb]) is UnreadableReason.TOO_MANY_PIXELS


def test_the_limits_may_be_raised_beyond_pillows() -> None:
    limits = PictureLimits(max_pixels=5_000_000_000)
    assert reason(png_of_size(30_000, 30_000), limits) in {UnreadableReason.BROKEN, UnreadableReason.TOO_MANY_PIXELS}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"II\x2a\0\x10\0\0\0CR\2\0" + b"\0" * 100, "IMG_1.CR2"),
        (encoded("TIFF"), "DSC_1.NEF"),
        (encoded("TIFF"), "IMG.dng"),
        (encoded("TIFF", tiffinfo={50706: b"\1\4\0\0"}), "renamed.tif"),
        (b"FUJIFILMCCD-RAW 0201" + b"\0" * 100, "DSCF1.RAF"),
        (b"\xff\x0a" + b"\0" * 50, "a.jxl"),
        (b"8BPS\0\1" + b"\0" * 50, "a.psd"),
        (b"PK\3\4" + b"\0" * 50, "IMG_1.livp"),
    ],
)
def test_pictures_of_a_kind_that_is_not_read(data: bytes, name: str) -> None:
    assert reason(data, name=name) is UnreadableReason.UNSUPPORTED


@pytest.mark.filterwarnings("ignore")  # what Pillow warns of in damaged files is no matter
@pytest.mark.parametrize("encoding", FORMATS)
def test_damaged_bytes_give_a_reading_or_a_reason(encoding: str) -> None:
    chance = random.Random(encoding)  # the same damage on each run
    exif = Image.Exif()
    exif[0x0110] = "camera"
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    options = {} if encoding in {"GIF", "BMP", "ICO", "JPEG2000", "MPO"} else {"exif": exif.tobytes()}
    whole = encoded(encoding, scene(64, 64), **options)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(min(len(damaged), chance.choice((64, 512, len(damaged)))))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        try:
            read_picture(bytes(damaged), PictureLimits(max_pixels=1_000_000, max_reduced_pixels=4_000_000))
        except Unreadable:
            continue
