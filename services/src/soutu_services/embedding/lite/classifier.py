"""The image tower: pictures to the classifier's outputs and to visual features."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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

_BATCH = 2
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
        """Load the model that ships with the package.

        Args:
            threads: Runs side by side, each on a thread of its own; 0: as many as there are cores. Threads within a run would
                wait for each other at each of its small steps: with those, a picture costs a fifth more CPU time on two cores.
        """
        resource = importlib.resources.files("soutu_services.embedding.lite") / "image.onnx"
        self._model = OnnxModel(resource.read_bytes(), threads=1)
        self._runs = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="lite-image")

    def close(self) -> None:
        """End the threads."""
        self._runs.shutdown()

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

        def run(start: int) -> None:
            part = slice(start, start + _BATCH)
            logits[part], visual[part] = self._model.run({"pixels": np.stack(pixels[part])}, ("logits", "visual"))

        for _ in self._runs.map(run, range(0, len(pixels), _BATCH)):  # raises what a run raised
            pass
        return logits, visual
