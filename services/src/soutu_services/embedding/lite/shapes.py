"""Sizes and names on which the image tower's file and its readers agree."""

from __future__ import annotations

from typing import Final

__all__ = ["CLASSES", "INPUT_SIDE", "SOURCE_DIGEST_KEY", "VISUAL_DIMENSION"]

CLASSES: Final = 1000
"""Classes of ImageNet (ILSVRC 2012)."""

INPUT_SIDE: Final = 224
"""Side of the square that the classifier sees, in pixels."""

VISUAL_DIMENSION: Final = 256
"""Length of the visual features."""

SOURCE_DIGEST_KEY: Final = "source_digest"
"""Key in the metadata of ``image.onnx`` of the digest of the published tensors it was made from."""
