"""Which photos of the training data are held back, to see when to stop: the held-out split is never asked for that."""

from __future__ import annotations

import numpy as np

from soutu_services.runtime.errors import InvalidInput
from soutu_services.tuning.retrieval import IntArray

__all__ = ["check_photos", "held_back"]

_LEAST_PHOTOS = 30
_SHARE, _MOST = 0.1, 1000


def held_back(photos: IntArray, seed: int) -> IntArray:
    """Draw a tenth of the photos, at most 1000 of them; in order."""
    count = min(_MOST, max(1, round(_SHARE * len(photos))))
    return np.sort(np.random.default_rng(seed).permutation(photos)[:count])


def check_photos(photos: int) -> None:
    """Refuse to train on so few photos that no part says anything of another.

    Raises:
        InvalidInput: they are too few.
    """
    if photos < _LEAST_PHOTOS:
        raise InvalidInput(
            "TOO_FEW_PHOTOS",
            zh=f"只有 {photos} 张有文字的照片可以训练，至少要 {_LEAST_PHOTOS} 张：先给更多照片写说明",
            en=f"there are {photos} photos with texts to train on, and {_LEAST_PHOTOS} are needed: write captions for more",
        )
