"""A font of this computer for contact sheets."""

from __future__ import annotations

from functools import cache

from PIL import ImageFont

from soutu_client._font_files import chinese_font_files

__all__ = ["Font", "has_chinese", "sheet_font"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def sheet_font(size: int) -> Font:
    """Return a font with Chinese characters, or Pillow's own, which has Latin ones only."""
    path = _chinese_font_file()
    if path is not None:
        return ImageFont.truetype(path, size)
    return ImageFont.load_default(size)


def has_chinese() -> bool:
    """Whether ``sheet_font`` can write Chinese."""
    return _chinese_font_file() is not None


@cache
def _chinese_font_file() -> str | None:
    for path in chinese_font_files():
        try:
            ImageFont.truetype(path, 12)
        except OSError:
            continue
        return path
    return None
