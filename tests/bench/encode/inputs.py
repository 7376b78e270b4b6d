"""What the towers are given: sentences as people write them, and real photographs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.query.asked import sentence
from soutu_services.embedding.chinese_clip.preprocessing import picture_pixels
from soutu_services.embedding.chinese_clip.tokens import BertTokens, TokenArray
from soutu_services.embedding.chinese_clip.torch_model import vocabulary_path
from soutu_services.embedding.image_input import ImageLimits, decode_rgb

__all__ = ["SIDE", "photo_files", "pictures", "texts"]

SIDE = 224
_PICTURES = 14
_LIMITS = ImageLimits(max_bytes=1 << 26, max_pixels=1 << 27)
_OTHERS = (
    "狗",
    "生日",
    "a red bicycle leaning against a brick wall",
    "厨房的桌子上放着两碗面条和一壶茶",
    "毕业典礼那天全班同学穿着学士服在图书馆门前的合影，前排中间坐着校长和几位老师",
)


def photo_files() -> list[Path]:
    """List real photographs: those of the folder ``PHOTOS``, else soutu's samples."""
    folder = Path(os.environ.get("PHOTOS", "") or "deploy/samples")
    return sorted(path for path in folder.rglob("*.jpg") if path.is_file())


def pictures() -> npt.NDArray[np.float32]:
    """Preprocess some: shape (n, 3, side, side)."""
    files = photo_files()
    some = files[:: max(1, len(files) // _PICTURES)][:_PICTURES]
    return np.stack([picture_pixels(decode_rgb(path.read_bytes(), _LIMITS, shorter_side=SIDE), SIDE) for path in some])


def texts(tokens_each: int = 0) -> list[TokenArray]:
    """Cut 32 sentences of many lengths into tokens; or those of one length alone."""
    tokens = BertTokens(vocabulary_path())
    if tokens_each:
        return [ids for number in range(400) if len(ids := tokens.ids(sentence(number))) == tokens_each]
    return [tokens.ids(text) for text in (*_OTHERS, *(sentence(31 * number) for number in range(27)))]
