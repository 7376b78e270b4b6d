"""Pictures of a split, resized once as the image tower sees them and kept on disk: 150 kB each at a side of 224."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.chinese_clip.preprocessing import resized_picture
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.runtime.errors import Overloaded
from soutu_services.tuning.batches import batches
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.embedded_pairs import prepared_or_none
from soutu_services.tuning.flaws import Flaw, Flaws

__all__ = ["keep_pictures", "kept_pictures", "see_that_there_is_room"]

_BATCH = 32
_KEPT_FREE_BYTES = 1 << 30


def keep_pictures(
    dataset: Dataset,
    path: Path,
    *,
    side: int,
    limits: ImageLimits,
    flaws: Flaws,
    threads: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[int, int]:
    """Decode, resize and write a split's pictures one after another.

    Args:
        dataset: The split.
        path: The file.
        side: Of the square that the image tower sees, in pixels.
        limits: Largest picture.
        flaws: Takes what is wrong with single items.
        threads: That decode.
        on_progress: Told how many pictures are done.

    Returns:
        The place of each picture by its id.

    Raises:
        Overloaded: the disk is full.
        OSError: the file cannot be written.
    """

    def resized(one: tuple[int, bytes]) -> npt.NDArray[np.uint8] | None:
        picture = prepared_or_none(lambda data: decode_rgb(data, limits, shorter_side=side), one[1])
        return None if picture is None else resized_picture(picture, side)

    places: dict[int, int] = {}
    with ThreadPoolExecutor(threads) as pool, path.open("wb") as file:
        for some in batches(dataset.pictures(flaws), _BATCH):
            see_that_there_is_room(path.parent, _BATCH * side * side * 3)
            for (image_id, _), pixels in zip(some, pool.map(resized, some), strict=True):
                if pixels is None:
                    flaws.note(Flaw.BROKEN_PICTURE, dataset.picture_name(image_id))
                    continue
                places[image_id] = len(places)
                file.write(pixels.tobytes())
            on_progress(len(places))
    return places


def kept_pictures(path: Path, count: int, side: int) -> npt.NDArray[np.uint8]:
    """Open what ``keep_pictures`` wrote: shape (count, side, side, 3)."""
    return np.memmap(path, np.uint8, "r", shape=(count, side, side, 3))


def see_that_there_is_room(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot take, so many bytes.

    Raises:
        Overloaded: it is as good as full.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + _KEPT_FREE_BYTES:
        raise Overloaded(
            "DISK_FULL",
            zh=f"{folder} 所在的磁盘只剩 {free >> 20} MiB：请先腾出空间，或用 --output 换一个磁盘",
            en=f"the disk of {folder} has {free >> 20} MiB left: make room first, or name another disk with --output",
        )
