"""Every format is read, upright and in its right colours."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from picture_files import FORMATS, encoded, giant_jpeg, scene
from soutu_services.search.imaging import THUMBNAIL_SIDE, PictureLimits, Reading, read_picture
from soutu_services.search.model import PhotoKind

LIMITS = PictureLimits()
RED, BLUE, GREEN = (220, 20, 20), (40, 60, 200), (20, 180, 40)


def read(data: bytes, name: str = "") -> Reading:
    return read_picture(data, LIMITS, name=name)


def thumbnail(reading: Reading) -> Image.Image:
    picture = Image.open(BytesIO(reading.thumbnail))
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    return picture


def colour_at(reading: Reading, across: float, down: float) -> tuple[int, ...]:
    picture = thumbnail(reading)
    pixel = picture.getpixel((int(across * (picture.width - 1)), int(down * (picture.height - 1))))
    assert isinstance(pixel, tuple)
    return pixel


def assert_near(colour: tuple[int, ...], wanted: tuple[int, ...], by: int = 25) -> None:
    assert all(abs(a - b) <= by for a, b in zip(colour, wanted, strict=True)), f"{colour} is not {wanted}"


def assert_is_the_scene(reading: Reading, by: int = 25) -> None:
    assert_near(colour_at(reading, 0.1, 0.1), RED, by)
    assert_near(colour_at(reading, 0.9, 0.1), BLUE, by)
    assert_near(colour_at(reading, 0.5, 0.95), GREEN, by)


@pytest.mark.parametrize("encoding", FORMATS)
def test_reads_every_format_by_its_content(encoding: str) -> None:
    picture = scene(128, 128) if encoding == "ICO" else scene()
    options = {"save_all": True, "append_images": [scene(100, 80)]} if encoding == "MPO" else {}
    reading = read(encoded(encoding, picture, **options), "misleading.txt")
    assert reading.media_type == FORMATS[encoding]
    assert (reading.width, reading.height) == picture.size
    assert reading.kind is PhotoKind.STILL
    assert_is_the_scene(reading)


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_pictures_upright(encoding: str, orientation: int) -> None:
    as_stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    picture = scene() if as_stored is None else scene().transpose(as_stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    reading = read(encoded(encoding, picture, exif=exif))
    assert (reading.width, reading.height) == (240, 160)
    assert thumbnail(reading).size == (240, 160)
    assert_is_the_scene(reading)


def test_heic_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    reading = read(encoded("HEIF", scene().transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes()))
    assert (reading.width, reading.height) == (240, 160)
    assert_is_the_scene(reading)


@pytest.mark.parametrize(("width", "height"), [(3000, 2000), (2000, 3000), (513, 100), (5000, 3)])
@pytest.mark.parametrize("encoding", ["JPEG", "PNG"])
def test_thumbnails_are_reduced_and_never_enlarged(encoding: str, width: int, height: int) -> None:
    reading = read(encoded(encoding, scene(width, height)))
    small = thumbnail(reading).size
    assert max(small) == THUMBNAIL_SIDE
    assert small == tuple(max(1, round(side * THUMBNAIL_SIDE / max(width, height))) for side in (width, height))
    assert (reading.width, reading.height) == (width, height)
    assert thumbnail(read(encoded(encoding, scene(50, 40)))).size == (50, 40)


def test_thumbnails_carry_nothing_of_the_camera() -> None:
    exif = Image.Exif()
    exif[0x0110] = "Secret Camera"
    reading = read(encoded("JPEG", exif=exif))
    assert b"Secret" not in reading.thumbnail
    assert not thumbnail(reading).getexif()


@pytest.mark.parametrize("encoding", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_are_read_by_their_first_frame(encoding: str) -> None:
    later = Image.new("RGB", (240, 160), (0, 0, 0))
    reading = read(encoded(encoding, save_all=True, append_images=[later, later.rotate(90)], duration=100))
    assert reading.kind is PhotoKind.ANIMATION
    assert_is_the_scene(reading)


@pytest.mark.parametrize("encoding", ["TIFF", "MPO"])
def test_several_pages_are_no_animation(encoding: str) -> None:
    reading = read(encoded(encoding, save_all=True, append_images=[Image.new("RGB", (300, 300))]))
    assert reading.kind is PhotoKind.STILL
    assert_is_the_scene(reading)


@pytest.mark.parametrize("encoding", ["PNG", "WEBP", "TIFF"])
def test_what_is_transparent_is_white(encoding: str) -> None:
    picture = scene(mode="RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size).point([0] * 128 + [255] * 128))
    reading = read(encoded(encoding, picture, **({"lossless": True} if encoding == "WEBP" else {})))
    assert_near(colour_at(reading, 0.9, 0.05), (255, 255, 255), 8)
    assert_near(colour_at(reading, 0.5, 0.95), GREEN)


def test_a_transparent_palette_is_white() -> None:
    picture = scene().quantize(16)
    blue = picture.getpixel((230, 10))
    for encoding in ("GIF", "PNG"):
        reading = read(encoded(encoding, picture, transparency=blue))
        assert_near(colour_at(reading, 0.95, 0.1), (255, 255, 255), 8)
        assert_near(colour_at(reading, 0.1, 0.1), RED)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "CMYK", "YCbCr", "LAB"])
def test_reads_every_colour_model(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(scene(), srgb, lab, outputMode="LAB")
        assert picture is not None
    else:
        picture = scene(mode=mode)
    reading = read(encoded("JPEG" if mode in {"CMYK", "YCbCr"} else "TIFF" if mode == "LAB" else "PNG", picture))
    if mode in {"L", "1", "LA"}:
        assert colour_at(reading, 0.1, 0.1)[0] < 130
        assert_near(colour_at(reading, 0.62, 0.37), (240, 240, 240))
    else:
        assert_is_the_scene(reading, 60 if mode in {"P", "CMYK"} else 25)


@pytest.mark.parametrize(("encoding", "top"), [("PNG", 65535), ("TIFF", 65535), ("TIFF", 4095)])
def test_sixteen_bits_do_not_white_out(encoding: str, top: int) -> None:
    ramp = np.tile(np.linspace(0, top, 256).astype(np.uint16), (64, 1))
    small = np.asarray(thumbnail(read(encoded(encoding, Image.fromarray(ramp)))).convert("L")).mean(axis=0)
    np.testing.assert_allclose(small, np.arange(256), atol=6)


def test_floats_are_brought_into_range() -> None:
    ramp = np.tile(np.linspace(-3.0, 900.0, 256).astype(np.float32), (64, 1))
    ramp[0, 0] = np.nan
    small = np.asarray(thumbnail(read(encoded("TIFF", Image.fromarray(ramp)))).convert("L"))[10:].mean(axis=0)
    np.testing.assert_allclose(small, np.arange(256), atol=6)


def _profile_of_swapped_primaries() -> bytes:
    """An sRGB profile whose red and blue primaries change places: nothing shows more plainly whether it was used."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_an_embedded_profile_is_turned_into_srgb(encoding: str) -> None:
    red, green, blue = scene().split()
    stored = Image.merge("RGB", (blue, green, red))
    assert_is_the_scene(read(encoded(encoding, stored, icc_profile=_profile_of_swapped_primaries())), 40)


@pytest.mark.parametrize("profile", [b"no profile at all", b"\0" * 400, _profile_of_swapped_primaries()[:200]])
def test_a_broken_profile_is_not_used(profile: bytes) -> None:
    assert_is_the_scene(read(encoded("JPEG", icc_profile=profile)))


def test_a_profile_of_another_colour_model_is_not_used() -> None:
    grey = encoded("JPEG", scene(mode="L"), icc_profile=_profile_of_swapped_primaries())
    assert_near(colour_at(read(grey), 0.62, 0.37), (240, 240, 240))


def test_threads_read_at_once() -> None:
    files = [encoded(encoding, scene(128, 128)) for encoding in FORMATS] * 4
    alone = [read(data) for data in files]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(read, files)) == alone


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as Linux tells it")
def test_a_jpeg_of_200_megapixels_is_read_in_little_memory() -> None:
    program = (
        "import pathlib, re, sys\n"
        "from soutu_services.search.imaging import PictureLimits, read_picture\n"
        "data = sys.stdin.buffer.read()\n"
        "def peak(): return int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "before = peak()\n"
        "reading = read_picture(data, PictureLimits())\n"
        "print(reading.width, reading.height, peak() - before)\n"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", program], input=giant_jpeg(20_000, 10_000), env=environment, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    width, height, grown_kilobytes = (int(word) for word in ran.stdout.split())
    assert (width, height) == (20_000, 10_000)
    assert grown_kilobytes < 64 * 1024  # decoded whole it would be 800 MB
