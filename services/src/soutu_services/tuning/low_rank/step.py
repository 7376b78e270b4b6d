"""What one training step is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A batch.

    Attributes:
        images: Resized pictures, shape (i, side, side, 3); with a frozen image tower their embeddings, shape (i, d).
        tokens: Shape (t, length).
        fits: Which text fits which picture; shape (t, i).
        rate: Learning rate.
        seed: Of the dropout.
    """

    images: npt.NDArray[Any]
    tokens: npt.NDArray[Any]
    fits: npt.NDArray[np.bool_]
    rate: float
    seed: int
