"""Files of fonts with Chinese characters on this computer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["chinese_font_files"]

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


def chinese_font_files() -> Iterator[str]:
    """Yield files that should have them, the usual ones first, then what fontconfig lists. Some may not be readable."""
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
