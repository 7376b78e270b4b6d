"""How a low-rank fit trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CHUNK", "LowRankOptions", "Precision"]

CHUNK = 32
"""Most texts or pictures with gradients at once, unless told otherwise."""

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class LowRankOptions:
    """How both towers are trained.

    Attributes:
        rank: Of the updates.
        scale: Updates are multiplied by it (LoRA's alpha over its rank).
        rate: Learning rate at its highest; it rises over the first twentieth of the steps and falls like a cosine.
        decay: Weight decay of the updates.
        batch: Pairs whose texts and photos are told apart in one step.
        epochs: Most of them.
        patience: Epochs without a rise in recall after which it stops.
        freeze_images: Train the text tower alone (LiT, Zhai et al. 2021, arXiv:2111.07991).
        seed: Of all that is drawn.
    """

    rank: int = 16
    scale: float = 2.0
    rate: float = 2e-4
    decay: float = 0.01
    batch: int = 128
    epochs: int = 20
    patience: int = 3
    freeze_images: bool = False
    seed: int = 0
