"""Contact sheets and the cells of tables."""

import io

import pytest
from PIL import Image

from soutu_client.cli import contact_sheet
from soutu_client.cli.cells import size_text
from soutu_client.cli.contact_sheet import Tile, draw_sheet
from soutu_client.cli.terminal import printable


def jpeg(colour: str, size: tuple[int, int] = (512, 300)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def test_each_photo_has_its_place() -> None:
    sheet = draw_sheet([Tile(jpeg("red"), "1", "a.jpg"), Tile(jpeg("blue"), "2", "b.jpg")], title="dog")
    red, blue = sheet.getpixel((16 + 128, 56 + 128)), sheet.getpixel((16 + 272 + 128, 56 + 128))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > red[2] + 150
    assert blue[2] > blue[0] + 150


def test_a_missing_or_broken_thumbnail_leaves_a_grey_field() -> None:
    sheet = draw_sheet([Tile(None, "1", ""), Tile(b"no picture", "2", "")], title="")
    assert sheet.getpixel((16 + 128, 16 + 128)) == sheet.getpixel((16 + 272 + 128, 16 + 128)) == (232, 232, 228)


def test_chinese_is_left_out_where_no_font_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "has_chinese", lambda: False)
    monkeypatch.setattr("soutu_client.cli.fonts._chinese_font_file", lambda: None)
    with_name = draw_sheet([Tile(None, "1   0.9", "奶奶.jpg")], title="奶奶")
    without = draw_sheet([Tile(None, "1   0.9", "")], title="")
    assert with_name.tobytes() == without.tobytes()


def test_a_long_name_stays_in_its_tile() -> None:
    long = draw_sheet([Tile(None, "1", "x" * 500 + ".jpg"), Tile(None, "2", "")], title="t")
    gap = long.crop((16 + 256, 56 + 256, 16 + 256 + 14, 56 + 256 + 48))
    assert gap.getcolors() == [(14 * 48, (250, 250, 248))]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (15_300, "15 kB"), (999_900, "1.0 MB"), (2 * 10**15, "2000 TB")],
)
def test_sizes_are_short(size: int, text: str) -> None:
    assert size_text(size) == text


def test_control_and_direction_characters_are_not_printed() -> None:
    assert printable("a\x1b[31mb\u202ec\nd") == "a\ufffd[31mb\ufffdc\ufffdd"
    assert printable("👨\u200d👩 奶奶") == "👨\u200d👩 奶奶"


def test_the_longest_sheet_is_a_jpeg() -> None:
    file = io.BytesIO()
    draw_sheet([Tile(None, "1", "")] * contact_sheet.MOST_TILES, title="t").save(file, "JPEG")
    assert file.getvalue()
