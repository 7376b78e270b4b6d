"""What cn_clip needs in place of a torchvision that is missing or broken.

cn_clip imports torchvision for ``image_transform`` alone, which soutu does not call: it has its own preprocessing. torchvision
must match torch's build to the letter, so one that is there often fails to import.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

__all__ = ["torchvision_or_stand_in"]

_NAMES = ("Compose", "InterpolationMode", "Normalize", "Resize", "ToTensor")
"""What ``cn_clip.clip.utils`` takes from ``torchvision.transforms``."""


@contextmanager
def torchvision_or_stand_in() -> Iterator[bool]:
    """Let cn_clip be imported inside the block; true if the stand-in is what it gets.

    The real torchvision is used when it imports. The stand-in is gone after the block, so that nobody else takes it for
    torchvision.
    """
    if _imports():
        yield False
        return
    stand_in, transforms = ModuleType("torchvision"), ModuleType("torchvision.transforms")
    for name in _NAMES:
        setattr(transforms, name, _NotThere)
    stand_in.transforms = transforms  # type: ignore[attr-defined]
    _forget()
    sys.modules.update({"torchvision": stand_in, "torchvision.transforms": transforms})
    try:
        yield True
    finally:
        _forget()


class _NotThere:
    """Stands for a class of torchvision's."""

    def __init__(self, *_args: object, **_options: object) -> None:
        raise NotImplementedError("torchvision is not installed; cn_clip's image_transform needs it")


def _imports() -> bool:
    try:
        import torchvision.transforms  # noqa: F401, PLC0415 - only to see whether it can be
    except Exception:  # noqa: BLE001 - a build for another torch fails with a RuntimeError, or with anything else
        return False
    return True


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
