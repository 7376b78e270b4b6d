"""Decoding of encoded images, hostile ones too."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from patience import PATIENCE
from soutu_services.embedding import image_input
from soutu_services.embedding.encoder import ItemProblem, ItemRefused
from soutu_services.embedding.image_input import ImageLimits, decode_rgb

LIMITS = ImageLimits(max_bytes=5_000_000, max_pixels=20_000_000)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def encode(image, encoding, **options):
    buffer = io.BytesIO()
    image.save(buffer, encoding, **options)
    return buffer.getvalue()


def scene(size=(60, 40)):
    """Red left half, blue right half."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def decode(data, *, shorter_side=224, limits=LIMITS):
    return decode_rgb(data, limits, shorter_side=shorter_side)


def problem(data, *, limits=LIMITS):
    with pytest.raises(ItemRefused) as caught:
        decode(data, limits=limits)
    for text in (caught.value.text.zh, caught.value.text.en):
        assert text
        assert "\n" not in text
    return caught.value.problem


def near(pixel, colour):
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40


@pytest.mark.parametrize(
    ("encoding", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("AVIF", {"quality": 90}),
        ("JPEG2000", {}),
        ("MPO", {"quality": 95}),
    ],
)
def test_reads_every_accepted_encoding(encoding, options):
    image = decode(encode(scene(), encoding, **options))
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert near(image.getpixel((10, 20)), RED)
    assert near(image.getpixel((50, 20)), BLUE)


def test_reads_heic():
    buffer = io.BytesIO()
    pillow_heif.from_pillow(scene()).save(buffer, quality=95)
    image = decode(buffer.getvalue())
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert near(image.getpixel((50, 20)), BLUE)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "F", "YCbCr", "HSV", "LAB"])
def test_turns_every_mode_into_rgb_as_pillow_does(mode):
    source = Image.linear_gradient("L").resize((32, 32))
    source = source.convert(mode) if mode not in ("PA", "LAB") else source.convert("RGBA")
    encoding = "TIFF" if mode in ("CMYK", "F", "YCbCr") else "PNG"
    if mode in ("HSV", "LAB"):
        source = source.convert("RGB")
    data = encode(source, encoding)
    with Image.open(io.BytesIO(data)) as reopened:
        expected = reopened.convert("RGB")
    np.testing.assert_array_equal(np.asarray(decode(data)), np.asarray(expected))


def test_a_cmyk_jpeg_keeps_its_colours():
    image = decode(encode(scene().convert("CMYK"), "JPEG", quality=95))
    assert near(image.getpixel((10, 20)), RED)


@pytest.mark.parametrize(
    ("values", "kind", "encoding", "grey"),
    [
        ((0, 10_000, 40_000, 65_535), np.uint16, "PNG", (0, 39, 156, 255)),
        ((0, 10_000, 40_000, 65_535), np.uint16, "TIFF", (0, 39, 156, 255)),
        ((0, 1_000, 2_000, 4_095), np.uint16, "TIFF", (0, 62, 125, 255)),  # 12 bits stored in 16
        ((0, 39, 156, 255), np.int32, "TIFF", (0, 39, 156, 255)),
        ((-5, 1 << 20, 1 << 21, 1 << 22), np.int32, "TIFF", (0, 64, 128, 255)),
    ],
)
def test_grey_of_more_than_eight_bits_is_scaled_and_not_cut_off(values, kind, encoding, grey):
    columns = np.repeat(np.array(values, kind)[None, :], 4, axis=0)
    image = decode(encode(Image.fromarray(columns), encoding))
    assert image.mode == "RGB"
    np.testing.assert_allclose(np.asarray(image), np.broadcast_to(np.array(grey)[None, :, None], (4, len(grey), 3)), atol=1)


def test_an_animation_is_read_by_its_first_frame():
    frames = [Image.new("RGB", (20, 20), colour) for colour in (GREEN, RED, BLUE)]
    for encoding in ("GIF", "WEBP", "PNG"):
        data = encode(frames[0], encoding, save_all=True, append_images=frames[1:])
        assert near(decode(data).getpixel((10, 10)), GREEN), encoding


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (60, 40), (5, 20)),
        (2, (60, 40), (55, 20)),
        (3, (60, 40), (55, 20)),
        (4, (60, 40), (5, 20)),
        (5, (40, 60), (20, 5)),
        (6, (40, 60), (20, 5)),
        (7, (40, 60), (20, 55)),
        (8, (40, 60), (20, 55)),
    ],
)
@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(encoding, orientation, size, red_at):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encode(scene(), encoding, exif=exif))
    assert image.size == size
    assert near(image.getpixel(red_at), RED)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so; the picture is read all the same
def test_broken_exif_does_not_cost_the_picture():
    data = encode(scene(), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff broken")
    assert decode(data).size == (60, 40)


def test_a_large_jpeg_is_decoded_reduced_but_never_below_twice_the_side():
    data = encode(scene((2000, 1600)), "JPEG")
    assert decode(data, shorter_side=100).size == (250, 200)
    assert decode(data, shorter_side=224).size == (1000, 800)
    assert decode(data, shorter_side=0).size == (2000, 1600)


def test_large_pictures_are_decoded_two_at_a_time_and_keep_no_small_one_waiting():
    large = encode(Image.new("L", (3000, 3000)), "PNG")
    decoded = threading.Event()

    def decode_large():
        decode(large)
        decoded.set()

    with image_input._large, image_input._large:
        thread = threading.Thread(target=decode_large)
        thread.start()
        decode(encode(scene(), "PNG"))
        assert not decoded.wait(0.5)
    assert decoded.wait(PATIENCE)
    thread.join()


def test_nothing_is_empty():
    assert problem(b"") is ItemProblem.EMPTY


@pytest.mark.parametrize("data", [b"hello, I am text", b"\x00" * 500, b"%PDF-1.7 ...", b"<svg/>", b"x"])
def test_what_is_no_image_is_refused_as_such(data):
    assert problem(data) is ItemProblem.NOT_AN_IMAGE


def test_encodings_that_are_no_photos_are_refused():
    assert problem(encode(scene((32, 32)), "ICO")) is ItemProblem.NOT_AN_IMAGE
    assert problem(encode(scene(), "EPS")) is ItemProblem.NOT_AN_IMAGE


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "JPEG2000"])
def test_cut_off_images_are_broken_wherever_they_are_cut(encoding):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8))
    data = encode(noise, encoding)
    for keep in (0.5, 0.9):
        assert problem(data[: int(len(data) * keep)]) is ItemProblem.BROKEN_IMAGE, keep


def test_cut_off_heic_is_broken():
    buffer = io.BytesIO()
    pillow_heif.from_pillow(scene()).save(buffer)
    assert problem(buffer.getvalue()[:-40]) is ItemProblem.BROKEN_IMAGE


def test_a_header_alone_is_broken():
    assert problem(encode(scene(), "JPEG")[:12]) is ItemProblem.BROKEN_IMAGE
    assert problem(encode(scene(), "PNG")[:12]) is ItemProblem.BROKEN_IMAGE


def test_garbled_bytes_never_raise_anything_else():
    random = np.random.default_rng(7)
    for encoding in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "BMP", "JPEG2000"):
        good = np.frombuffer(encode(scene(), encoding), np.uint8)
        for _ in range(40):
            bad = good.copy()
            bad[random.integers(0, len(bad), 8)] = random.integers(0, 256, 8)
            with contextlib.suppress(ItemRefused):
                assert decode(bad.tobytes()).mode == "RGB"


def test_too_many_bytes_are_refused():
    limits = ImageLimits(max_bytes=100, max_pixels=10**6)
    assert problem(encode(scene(), "BMP"), limits=limits) is ItemProblem.TOO_LARGE


def test_too_many_pixels_are_refused_from_the_header_alone():
    assert problem(encode(scene((60, 40)), "PNG"), limits=ImageLimits(10**6, 60 * 40 - 1)) is ItemProblem.TOO_MANY_PIXELS
    assert decode(encode(scene((60, 40)), "PNG"), limits=ImageLimits(10**6, 60 * 40)).size == (60, 40)


def png_bomb(side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00" * 1000)) + chunk(b"IEND", b"")


def gif(canvas, frame):
    """A GIF of two colours whose header and frame state their sides, with next to no data."""
    palette = b"\xff\x00\x00\x00\x00\x00"
    header = b"GIF89a" + struct.pack("<HH", canvas, canvas) + b"\x80\x00\x00" + palette
    return header + b"," + struct.pack("<HHHH", 0, 0, frame, frame) + b"\x00\x02\x02\x4c\x01\x00;"


@pytest.mark.parametrize("side", [5_000, 10_000, 50_000])
def test_decompression_bombs_are_refused_below_between_and_above_pillows_own_limits(side):
    assert problem(png_bomb(side)) is ItemProblem.TOO_MANY_PIXELS
    assert problem(gif(side, side)) is ItemProblem.TOO_MANY_PIXELS


def test_a_gif_whose_frame_is_larger_than_its_canvas_is_refused():
    assert problem(gif(10, 50_000)) is ItemProblem.TOO_MANY_PIXELS
    assert problem(gif(10, 5_000)) is ItemProblem.TOO_MANY_PIXELS
