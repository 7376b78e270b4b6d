"""Pictures on a screen, and letters."""

from __future__ import annotations

import io
from pathlib import Path

import pygame
import pytest
from PIL import Image

from soutu_client.frame.display import typeface
from soutu_client.frame.display.fitting import UndecodableError, fitted
from soutu_client.frame.display.signs import code
from soutu_client.frame.display.typeface import Typeface

SCREEN = (160, 90)


def encoded(size: tuple[int, int], mode: str = "RGB", colour: str = "red", form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, form)
    return out.getvalue()


def reddish(surface: pygame.Surface, at: tuple[int, int]) -> bool:
    red, green, blue, _ = surface.get_at(at)
    return red > 230 and green < 30 and blue < 30


@pytest.mark.parametrize(("size", "inside", "outside"), [((300, 900), (80, 2), (10, 45)), ((900, 300), (2, 45), (80, 5))])
def test_a_picture_is_shown_whole_with_a_background_beside_it(
    size: tuple[int, int], inside: tuple[int, int], outside: tuple[int, int]
) -> None:
    for is_blurred in (True, False):
        surface = fitted(encoded(size), SCREEN, is_blurred=is_blurred)
        assert surface.get_size() == SCREEN
        assert reddish(surface, inside)
        assert not reddish(surface, outside)
        red, green, blue, _ = surface.get_at(outside)
        assert (red > 60 and green < 30) if is_blurred else (red == green and blue < 30)


def test_a_picture_of_the_screens_shape_fills_it() -> None:
    surface = fitted(encoded((1600, 900)), SCREEN, is_blurred=True)
    assert all(reddish(surface, at) for at in ((0, 0), (159, 0), (0, 89), (159, 89)))


@pytest.mark.parametrize(
    ("mode", "colour", "form"), [("L", "#808080", "JPEG"), ("P", "red", "PNG"), ("RGBA", "red", "PNG"), ("RGB", "red", "WEBP")]
)
def test_other_kinds_of_pictures_are_shown(mode: str, colour: str, form: str) -> None:
    assert fitted(encoded((40, 30), mode, colour, form), SCREEN, is_blurred=True).get_at((80, 45))[0] > 100


@pytest.mark.parametrize("broken", [b"", b"not a picture", encoded((400, 300))[:200]])
def test_a_broken_picture_is_said_to_be_one(broken: bytes) -> None:
    with pytest.raises(UndecodableError):
        fitted(broken, SCREEN, is_blurred=True)


def test_a_code_is_read_back_by_whoever_knows_the_address() -> None:
    surface = code("http://192.168.1.7:8405/abcdefghijklmnop", 200)
    assert surface.get_width() == surface.get_height() <= 200
    colours = {tuple(surface.get_at((x, y)))[:3] for x in range(surface.get_width()) for y in (0, surface.get_height() // 2)}
    assert colours == {(0, 0, 0), (255, 255, 255)}


needs_font = pytest.mark.skipif(not Typeface.find(None).has_chinese, reason="there is no font with Chinese characters")


@needs_font
def test_chinese_is_written_in_a_face_for_simplified_characters() -> None:
    found = Typeface.find(None)
    assert "JP" not in found.name and "KR" not in found.name
    assert found.width("海边", 20) > found.width("海", 20) > 10


@needs_font
def test_a_long_line_is_cut_and_what_has_no_glyph_is_left_out() -> None:
    found = Typeface.find(None)
    line = found.line("两个孩子在海边追着浪花跑" * 10, 20, (255, 255, 255), 200)
    assert 150 < line.get_width() <= 210
    assert found.line("海\U000f0000\n边", 20, (0, 0, 0)).get_width() <= found.line("海 边", 20, (0, 0, 0)).get_width() + 2
    lines = found.lines("两个孩子在海边 and their mother", 20, 120, 5)
    assert len(lines) >= 3 and "".join(lines).replace(" ", "") == "两个孩子在海边andtheirmother"


def test_without_a_font_there_are_latin_letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(typeface, "chinese_font_files", lambda: iter([str(tmp_path / "broken.ttf"), "/nothing.ttc"]))
    found = Typeface.find(tmp_path / "broken.ttf")
    assert not found.has_chinese
    assert found.line("海边 beach", 20, (0, 0, 0)).get_width() <= found.width(" beach", 20) + 8
