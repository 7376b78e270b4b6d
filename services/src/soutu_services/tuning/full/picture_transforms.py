"""What cn_clip's loader takes from torchvision and timm, where these are not installed or are of another build of torch.

The results are torchvision's to the last bit: pictures come resized already, and the rest is a division and a subtraction.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image

__all__ = ["torchvision_and_timm"]


class Compose:
    """One step after another."""

    def __init__(self, steps: Sequence[Callable[[Any], Any]]) -> None:
        self._steps = steps

    def __call__(self, value: Any) -> Any:
        """Take them."""
        for step in self._steps:
            value = step(value)
        return value


class Resize:
    """To a height and a width."""

    def __init__(self, size: tuple[int, int], interpolation: Image.Resampling) -> None:
        self._size, self._interpolation = size, interpolation

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Resize a picture."""
        return picture.resize(self._size[::-1], self._interpolation)


class ToTensor:
    """To a tensor from 0 to 1, colours first."""

    def __call__(self, picture: Image.Image) -> torch.Tensor:
        """Convert a picture."""
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)


class Normalize:
    """To a mean of 0 and a deviation of 1."""

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        self._mean, self._deviation = (torch.tensor(values).view(3, 1, 1) for values in (mean, deviation))

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Subtract and divide."""
        return (pixels - self._mean) / self._deviation


class InterpolationMode:
    """The one that is used."""

    BICUBIC = Image.Resampling.BICUBIC


@contextmanager
def torchvision_and_timm() -> Iterator[None]:
    """Let cn_clip's training be imported inside the block, with the real ones where they can be."""
    stand_ins: dict[str, ModuleType] = {}
    if not _imports("torchvision.transforms"):
        transforms = ModuleType("torchvision.transforms")
        for one in (Compose, Resize, ToTensor, Normalize, InterpolationMode):
            setattr(transforms, one.__name__, one)
        vision = ModuleType("torchvision")
        vision.transforms = transforms  # type: ignore[attr-defined]
        stand_ins |= {"torchvision": vision, "torchvision.transforms": transforms}
    if not _imports("timm.data"):
        data = ModuleType("timm.data")
        data.create_transform = None  # type: ignore[attr-defined] # for augmentation, which is not asked for
        timm = ModuleType("timm")
        timm.data = data  # type: ignore[attr-defined]
        stand_ins |= {"timm": timm, "timm.data": data}
    for name in [name for name in sys.modules if name.partition(".")[0] in stand_ins]:
        del sys.modules[name]  # what a failed import left
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - a build for another torch fails with a RuntimeError, or with anything else
        return False
    return True
