"""A font of this computer for contact sheets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["Font", "has_chinese", "sheet_font"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Where systems keep fonts with Chinese characters.
_USUAL_PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
    "C:/Windows/Fonts/simsun.ttc",
)


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
    for path in _candidates():
        try:
            ImageFont.truetype(path, 12)
        except OSError:
            continue
        return path
    return None


def _candidates() -> Iterator[str]:
    yield from (place for place in _USUAL_PLACES if Path(place).is_file())
    if shutil.which("fc-list") is None:
        return
    try:
        listed = subprocess.run(
            ["fc-list", ":lang=zh-cn:scalable=true", "--format=%{file}\n"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    yield from sorted(set(listed.stdout.splitlines()))
