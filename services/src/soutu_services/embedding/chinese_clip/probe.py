"""Pictures and texts made up on the spot, with which a variant of a model is compared with the fp32 reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from soutu_services.embedding.chinese_clip.preprocessing import picture_pixels
from soutu_services.embedding.chinese_clip.tokens import BertTokens, TokenArray
from soutu_services.embedding.encoder import FloatArray

__all__ = ["largest_drift", "probe_pictures", "probe_texts", "unit_rows"]

_TEXTS = (
    "狗",
    "雪地里奔跑的狗",
    "奶奶生日",
    "一个小女孩在海边的沙滩上堆城堡",
    "去年秋天在山顶拍的日出，天边有一层薄薄的云",
    "a red bicycle leaning against a brick wall",
    "厨房的桌子上放着两碗面条和一壶茶",
    "毕业典礼那天全班同学穿着学士服在图书馆门前的合影，前排中间坐着校长和几位老师，后面的同学把帽子抛向天空",
)


def probe_texts(tokens: BertTokens) -> list[TokenArray]:
    """Return token ids of texts of 3 to 52 tokens."""
    return [tokens.ids(text) for text in _TEXTS]


def probe_pictures(side: int, count: int = 8) -> FloatArray:
    """Return preprocessed pictures of smooth colours, edges and noise, the same each time: shape (count, 3, side, side)."""
    return np.stack([picture_pixels(picture, side) for picture in _pictures(count)])


def _pictures(count: int) -> Iterator[Image.Image]:
    random = np.random.default_rng(20260501)
    for number in range(count):
        coarse = random.integers(0, 256, (3 + number, 4 + number, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC), dtype=np.int16)
        noise = random.integers(-8 * number, 8 * number + 1, smooth.shape, dtype=np.int16)
        mixed = smooth + noise
        if number % 2:
            mixed[60:180, 80:240] = random.integers(0, 256, 3)
        yield Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def unit_rows(rows: npt.NDArray[np.generic]) -> FloatArray:
    """L2-normalise rows in float32; a row without a direction becomes NaN, which the service reports as the model's failure."""
    plain = np.asarray(rows, dtype=np.float32)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.asarray(plain / np.linalg.norm(plain, axis=1, keepdims=True), dtype=np.float32)


def largest_drift(reference: FloatArray, variant: FloatArray) -> float:
    """Return the largest cosine distance between rows of unit vectors, 0 to 2; NaN if the variant fails on a row."""
    cosines = np.einsum("ij,ij->i", reference.astype(np.float64), variant.astype(np.float64))
    norms = np.linalg.norm(reference.astype(np.float64), axis=1) * np.linalg.norm(variant.astype(np.float64), axis=1)
    return float(np.max(np.maximum(0.0, 1.0 - cosines / norms)))
