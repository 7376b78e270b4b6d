"""The image tower: pictures to the classifier's outputs and to visual features."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from soutu_services.embedding.encoder import FloatArray
from soutu_services.embedding.lite.shapes import CLASSES, INPUT_SIDE, SOURCE_DIGEST_KEY, VISUAL_DIMENSION
from soutu_services.embedding.onnx_session import OnnxModel

__all__ = ["PREPROCESSING", "Classifier", "Pixels", "square_pixels"]

Pixels = npt.NDArray[np.uint8]

PREPROCESSING: Final = "lite-soft-square-bicubic-1"

_BATCH = 8
"""Pictures in one run; more do not fit the caches of small machines and are slower."""


def square_pixels(picture: Image.Image) -> Pixels:
    """Fit a picture of any shape into the classifier's square.

    What it is too long is half cut off, half squeezed: of a side k times the other, sqrt(k) times the other is kept. On
    development photos texts find as much by this as by the usual centre crop, small copies find their original more often, and
    less of a tall portrait is lost.

    Args:
        picture: RGB picture.

    Returns:
        uint8, shape (224, 224, 3).
    """
    width, height = picture.size
    shorter = min(width, height)
    kept_width, kept_height = (width * shorter) ** 0.5, (height * shorter) ** 0.5
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    square = picture.resize(
        (INPUT_SIDE, INPUT_SIDE), Image.Resampling.BICUBIC, box=(left, top, left + kept_width, top + kept_height)
    )
    return np.asarray(square, dtype=np.uint8)


class Classifier:
    """EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946, without its parts that edge devices lack), 1,000 classes."""

    def __init__(self, *, threads: int) -> None:
        """Load the model that ships with the package."""
        resource = importlib.resources.files("soutu_services.embedding.lite") / "image.onnx"
        self._model = OnnxModel(resource.read_bytes(), threads=threads)

    @property
    def source_digest(self) -> str:
        """Digest of the published tensors that the model was made from."""
        return self._model.metadata[SOURCE_DIGEST_KEY]

    def run(self, pixels: Sequence[Pixels]) -> tuple[FloatArray, FloatArray]:
        """Classify pictures.

        Args:
            pixels: Each uint8, shape (224, 224, 3), RGB.

        Returns:
            Logits, float32 shape (n, 1000), and visual features, float32 shape (n, 256).
        """
        logits = np.empty((len(pixels), CLASSES), dtype=np.float32)
        visual = np.empty((len(pixels), VISUAL_DIMENSION), dtype=np.float32)
        for start in range(0, len(pixels), _BATCH):
            part = slice(start, start + _BATCH)
            logits[part], visual[part] = self._model.run({"pixels": np.stack(pixels[part])}, ("logits", "visual"))
        return logits, visual
