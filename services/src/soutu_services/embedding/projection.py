"""A small learned step behind a tower: CLIP-Adapter (Gao et al. 2021, arXiv:2110.04544)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soutu_services.embedding.encoder import FloatArray

__all__ = ["Projection"]


@dataclass(frozen=True, slots=True)
class Projection:
    """What one tower's embeddings become: ``(1 - mix) x + mix relu(x down) up``, L2-normalised (their equations 4 to 6).

    With ``up`` all zero nothing changes, so training begins with what the model knew, and ``mix`` keeps a share of it.

    Attributes:
        down: Shape (d, hidden).
        up: Shape (hidden, d).
        mix: Share of what was learned, above 0 and below 1.
    """

    down: FloatArray
    up: FloatArray
    mix: float

    @classmethod
    def identity(cls, dimension: int, hidden: int, mix: float, random: np.random.Generator) -> Projection:
        """Make one that changes nothing yet; ``down`` is drawn as He et al. (2015) do for rectified units."""
        down = random.normal(0, np.sqrt(2 / dimension), (dimension, hidden)).astype(np.float32)
        return cls(down, np.zeros((hidden, dimension), np.float32), mix)

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Map L2-normalised vectors, shape (n, d), to such vectors."""
        learned = np.maximum(vectors @ self.down, 0) @ self.up
        mapped = (1 - self.mix) * vectors + self.mix * learned
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        return np.asarray(mapped / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
