"""cn_clip's training program as it is, in an environment that it was not written for. ``torchrun`` starts it on each GPU.

What it meets here: newer versions of lmdb and torch than it names, which would end it after its first epoch and when it resumes;
and no torchvision and no timm, of which it needs five classes, that Pillow does as well.
"""

from __future__ import annotations

from soutu_services.embedding.chinese_clip.torch_model import allow_numpy_numbers
from soutu_services.tuning.full.picture_transforms import torchvision_and_timm
from soutu_services.tuning.lmdb_file import open_environments_once

with torchvision_and_timm():
    from cn_clip.training import main as program

__all__ = ["main"]


def main() -> None:
    """Run it, with the arguments of the command line."""
    allow_numpy_numbers()
    open_environments_once()
    program.main()


if __name__ == "__main__":
    main()
