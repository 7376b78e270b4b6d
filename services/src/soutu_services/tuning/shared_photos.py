"""Photos that two splits share: measured on what a model was trained on, it seems better than it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from soutu_services.embedding.encoder import ItemRefused
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.runtime.language import Text, named
from soutu_services.tuning.batches import batches
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.id_set import IdSet

__all__ = ["SharedPhotos", "shared_photos"]

_GRID = 8
_BYTES = 16
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)
_MOST_DIFFERENT = 14
"""Bits of 128. Of 753 and 113 photos of Flickr8k no two differ in fewer than 28; halved and compressed again, one differs from
itself in 13 at most."""
_LEAST_SET = 16
"""A plain picture has hardly a bit that says anything, and is like every other plain one."""
_BATCH = 64


@dataclass(frozen=True, slots=True)
class SharedPhotos:
    """Photos of a split that another has too.

    Attributes:
        trained: Name of the other split.
        measured: Name of the split.
        same: Photos whose very bytes are in the other.
        alike: Photos that look almost like one there: scaled, compressed again, or of one burst.
        first: Name of the first of them.
    """

    trained: str
    measured: str
    same: int
    alike: int
    first: str

    @property
    def text(self) -> Text:
        """One line for people."""
        return Text(
            zh=f"“{self.measured}”里有 {self.same} 张照片也在“{self.trained}”里，另有 {self.alike} 张和那里的几乎一样"
            f"（第一张：{named(self.first)}）：在它们上面量到的会偏高",
            en=f"{self.same} photos of {self.measured!r} are in {self.trained!r} too, and {self.alike} more look almost like one "
            f"there (first: {named(self.first)}): what is measured on them comes out too good",
        )


def shared_photos(trained: Dataset, measured: Dataset, limits: ImageLimits, *, threads: int) -> SharedPhotos | None:
    """Find the photos of a split that another one has too; None if there are none.

    The pictures of both are read, and 24 bytes of each stay.

    Args:
        trained: What a model was trained on, or is going to be.
        measured: What it is measured on.
        limits: Largest picture to decode.
        threads: That decode.
    """
    digests, rows = IdSet(), bytearray()
    for _, digest, difference in _seen(trained, limits, threads):
        digests.add(digest)
        rows += difference
    others = np.frombuffer(rows, np.uint8).reshape(-1, _BYTES)
    same, alike, first = 0, 0, ""
    for image_id, digest, difference in _seen(measured, limits, threads):
        if digest in digests:
            same += 1
        elif difference and bool((_ONES[others ^ np.frombuffer(difference, np.uint8)].sum(axis=1) <= _MOST_DIFFERENT).any()):
            alike += 1
        else:
            continue
        first = first or measured.picture_name(image_id)
    return SharedPhotos(trained.split, measured.split, same, alike, first) if first else None


def _seen(dataset: Dataset, limits: ImageLimits, threads: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the id of each picture that can be read, its content's digest, and how it looks."""
    with ThreadPoolExecutor(threads) as pool:
        for some in batches(dataset.pictures(Flaws()), _BATCH):
            looks = pool.map(lambda one: _difference(one[1], limits), some)
            for (image_id, data), look in zip(some, looks, strict=True):
                if look is not None:
                    yield image_id, int.from_bytes(hashlib.sha256(data).digest()[:8], signed=True), look


def _difference(data: bytes, limits: ImageLimits) -> bytes | None:
    """Return where a picture gets brighter, to the right and downwards, as 128 bits.

    No bytes: that tells nothing of it. None: it cannot be read.
    """
    try:
        grey = decode_rgb(data, limits, shorter_side=_GRID * 4).convert("L")
    except ItemRefused:
        return None
    right, down = (
        np.asarray(grey.resize(size, Image.Resampling.BOX), np.int16) for size in ((_GRID + 1, _GRID), (_GRID, _GRID + 1))
    )
    bits = np.concatenate([(right[:, 1:] > right[:, :-1]).ravel(), (down[1:] > down[:-1]).ravel()])
    return np.packbits(bits).tobytes() if _LEAST_SET <= np.count_nonzero(bits) <= bits.size - _LEAST_SET else b""
