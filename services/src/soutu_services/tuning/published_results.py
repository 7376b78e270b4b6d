"""What the official Chinese-CLIP models reach, to stand beside one's own figures.

Source: https://github.com/OFA-Sys/Chinese-CLIP/blob/master/Results.md (commit 3f4b8d8), in per cent. MUGE is measured on its
validation split and from text to photo alone; Flickr30K-CN and COCO-CN on their test splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BENCHMARKS", "Benchmark", "PublishedRow", "Setup", "published"]

Benchmark = Literal["muge", "flickr30k-cn", "coco-cn"]
Setup = Literal["zero-shot", "fine-tuned"]

BENCHMARKS: dict[Benchmark, str] = {"muge": "MUGE", "flickr30k-cn": "Flickr30K-CN", "coco-cn": "COCO-CN"}
_MODELS = ("RN50", "ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-H-14")

_TEXT_TO_PHOTO: dict[Benchmark, tuple[str, ...]] = {  # zero-shot R@1 5 10, fine-tuned R@1 5 10; a line for each model
    "muge": (
        "42.6 68.6 77.9 48.6 75.1 84.0",
        "52.1 76.7 84.4 58.4 83.6 90.0",
        "56.3 79.8 86.2 63.3 85.6 91.3",
        "59.0 81.4 87.8 65.3 86.7 92.1",
        "63.0 84.1 89.2 68.9 88.7 93.1",
    ),
    "flickr30k-cn": (
        "48.8 76.0 84.6 66.7 89.4 94.1",
        "62.7 86.9 92.8 79.1 94.8 97.4",
        "68.0 89.7 94.4 82.7 96.7 98.6",
        "69.0 90.7 95.4 84.4 97.1 98.7",
        "71.2 91.4 95.5 83.8 96.9 98.6",
    ),
    "coco-cn": (
        "48.1 81.3 90.5 66.8 91.1 97.0",
        "62.2 86.6 94.9 77.0 97.1 99.0",
        "64.0 89.2 94.4 78.9 96.3 99.0",
        "64.7 89.6 94.6 80.1 96.7 99.2",
        "69.2 89.9 96.1 81.5 96.9 99.1",
    ),
}
_PHOTO_TO_TEXT: dict[Benchmark, tuple[str, ...]] = {
    "flickr30k-cn": (
        "60.0 85.9 92.0 84.2 96.7 98.0",
        "74.6 93.5 97.1 93.5 99.0 99.5",
        "80.2 96.6 98.2 96.1 99.5 99.9",
        "83.3 97.2 98.5 96.6 99.8 100.0",
        "81.6 97.5 98.8 95.3 99.7 100.0",
    ),
    "coco-cn": (
        "51.6 81.2 90.5 68.4 93.3 97.8",
        "57.0 84.1 93.6 77.4 96.2 98.9",
        "60.4 84.2 92.9 80.2 96.7 99.2",
        "63.4 87.2 94.4 81.2 97.2 99.1",
        "63.0 86.6 92.9 83.5 97.3 99.2",
    ),
}


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A model's published recall in per cent: R@1, R@5 and R@10 each way; ``photo_to_text`` is None where it is not published."""

    model: str
    setup: Setup
    text_to_photo: tuple[float, float, float]
    photo_to_text: tuple[float, float, float] | None


def published(benchmark: Benchmark) -> list[PublishedRow]:
    """Return all models' figures, each zero-shot and then fine-tuned."""
    back = _PHOTO_TO_TEXT.get(benchmark)
    rows = []
    for at, model in enumerate(_MODELS):
        there = _numbers(_TEXT_TO_PHOTO[benchmark][at])
        other = _numbers(back[at]) if back else None
        for setup, begin in (("zero-shot", 0), ("fine-tuned", 3)):
            rows.append(PublishedRow(model, setup, _three(there, begin), _three(other, begin) if other else None))  # type: ignore[arg-type]
    return rows


def _numbers(line: str) -> list[float]:
    return [float(word) for word in line.split()]


def _three(numbers: list[float], begin: int) -> tuple[float, float, float]:
    return numbers[begin], numbers[begin + 1], numbers[begin + 2]
