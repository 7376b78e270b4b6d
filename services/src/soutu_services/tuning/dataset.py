"""Data sets of photos and what is said of them, whatever files they lie in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from soutu_services.runtime.errors import InvalidInput
from soutu_services.tuning.flaws import Flaws

__all__ = ["Dataset", "TextRow", "WithoutPictures", "open_dataset"]


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text and the ids of the pictures that it fits."""

    text_id: int
    text: str
    image_ids: tuple[int, ...]


class Dataset(Protocol):
    """One split of a data set. Both iterators may be asked for again; they stream, so nothing grows with the pictures."""

    @property
    def split(self) -> str:
        """Its name, for instance ``valid``."""
        ...

    @property
    def files(self) -> Sequence[Path]:
        """What it is read from: when these change, so does it."""
        ...

    def texts(self, flaws: Flaws) -> Iterator[TextRow]:
        """Read the texts, each id once; what is wrong with a row is noted and the row left out."""
        ...

    def pictures(self, flaws: Flaws) -> Iterator[tuple[int, bytes]]:
        """Read the pictures, id and encoded bytes, each id once; flaws as above."""
        ...

    def picture_name(self, image_id: int) -> str:
        """Return what a person knows a picture by; its id where nothing better is known."""
        ...


class WithoutPictures:
    """A split without some of its pictures, and without the texts that fit none of the others."""

    def __init__(self, whole: Dataset, left_out: Collection[int]) -> None:
        self._whole = whole
        self.split, self.files = whole.split, whole.files
        self.left_out = frozenset(left_out)

    def texts(self, flaws: Flaws) -> Iterator[TextRow]:
        """Read the texts that are left."""
        for row in self._whole.texts(flaws):
            left = tuple(one for one in row.image_ids if one not in self.left_out)
            if left or not row.image_ids:
                yield replace(row, image_ids=left)

    def pictures(self, flaws: Flaws) -> Iterator[tuple[int, bytes]]:
        """Read the pictures that are left."""
        return (one for one in self._whole.pictures(flaws) if one[0] not in self.left_out)

    def picture_name(self, image_id: int) -> str:
        """Return what the whole split calls a picture."""
        return self._whole.picture_name(image_id)


def open_dataset(folder: Path, split: str) -> Dataset:
    """Find out what a folder holds and open a split of it.

    It may hold Chinese-CLIP's tables (``{split}_texts.jsonl`` and ``{split}_imgs.tsv``), the LMDB made of them
    (``lmdb/{split}/pairs`` and ``imgs``, also where ``folder`` is the ``lmdb`` folder or the split's in it), or ``photos/`` with
    ``captions.zh.tsv``. Tables win over an LMDB made of them.

    Raises:
        InvalidInput: none of these is there.
        DataLoss: the LMDB is not one that this version reads.
    """
    from soutu_services.tuning.caption_table import CAPTIONS_FILE, CaptionTable  # noqa: PLC0415 - they import this module
    from soutu_services.tuning.clip_lmdb import ClipLmdb  # noqa: PLC0415
    from soutu_services.tuning.clip_tables import ClipTables, images_file, texts_file  # noqa: PLC0415

    if (folder / texts_file(split)).is_file() and (folder / images_file(split)).is_file():
        return ClipTables(folder, split)
    itself = (folder,) if folder.resolve().name == split else ()  # or one split passes for another, training data for held-out
    for candidate in (folder / "lmdb" / split, folder / split, *itself):
        if (candidate / "pairs").is_dir() and (candidate / "imgs").is_dir():
            return ClipLmdb(candidate, split)
    if (folder / CAPTIONS_FILE).is_file():
        return CaptionTable(folder, split)
    raise InvalidInput(
        "NO_DATASET",
        zh=f"{folder} 里没有数据集“{split}”：需要 {texts_file(split)} 和 {images_file(split)}，"
        f"或 lmdb/{split}，或 photos/ 和 {CAPTIONS_FILE}",
        en=f"{folder} holds no data set {split!r}: it needs {texts_file(split)} and {images_file(split)}, or lmdb/{split}, "
        f"or photos/ and {CAPTIONS_FILE}",
    )
