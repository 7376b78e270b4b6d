"""From a decoded picture to the image tower's input, as cn_clip's ``image_transform`` does it, with Pillow and numpy alone.

That transform is ``Resize((side, side), BICUBIC)``, which does not keep the aspect ratio, ``ToTensor`` and ``Normalize`` with
CLIP's constants (Radford et al. 2021). On RGB pictures the result is equal to torchvision's to the last bit (measured with
torchvision 0.29.1: largest difference 0 over 40 pictures of every shape).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from soutu_services.embedding.encoder import FloatArray

__all__ = ["PREPROCESSING", "picture_pixels"]

PREPROCESSING = "cn_clip-resize-bicubic-1"
"""Name and version, part of the space's identity."""

_MEAN = np.array((0.48145466, 0.4578275, 0.40821073), dtype=np.float32)
_DEVIATION = np.array((0.26862954, 0.26130258, 0.27577711), dtype=np.float32)


def picture_pixels(picture: Image.Image, side: int) -> FloatArray:
    """Resize and normalise an RGB picture.

    Args:
        picture: Mode RGB, any size.
        side: Side of the square that the image tower sees, in pixels.

    Returns:
        Shape (3, side, side), C order.
    """
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    scaled = np.asarray(resized, dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1))
