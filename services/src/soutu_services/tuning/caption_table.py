"""A folder of photos with a table of captions: ``photos/`` and ``captions.zh.tsv``, as Flickr8k-CN is often kept.

The table has the columns ``photo``, ``split`` and ``caption``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import named
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.flaws import Flaw, Flaws

__all__ = ["CAPTIONS_FILE", "CaptionTable", "read_captions"]

CAPTIONS_FILE = "captions.zh.tsv"
_COLUMNS = ("photo", "split", "caption")


def read_captions(folder: Path, split: str) -> list[tuple[str, str]]:
    """Return the pairs of photo and caption of a split, in the table's order.

    Raises:
        InvalidInput: the folder is not as it should be, or has no such split.
    """
    table = folder / CAPTIONS_FILE
    if not table.is_file() or not (folder / "photos").is_dir():
        raise InvalidInput(
            "NO_CAPTIONS",
            zh=f"需要一个含有 photos/ 和 {CAPTIONS_FILE} 的文件夹：{folder}",
            en=f"a folder with photos/ and {CAPTIONS_FILE} is needed: {folder}",
        )
    lines = table.read_bytes().decode("utf-8-sig", errors="replace").split("\n")
    heading, *rows = [[cell.strip("\r") for cell in line.split("\t")] for line in lines if line.strip()] or [[]]
    if not set(heading) >= set(_COLUMNS):
        raise InvalidInput(
            "NO_CAPTIONS",
            zh=f"{CAPTIONS_FILE} 的第一行应为 {'、'.join(_COLUMNS)}，以制表符分开，编码为 UTF-8",
            en=f"the first line of {CAPTIONS_FILE} should be {', '.join(_COLUMNS)}, with tabs between, in UTF-8",
        )
    photo, part, caption = (heading.index(name) for name in _COLUMNS)
    whole = [row + [""] * (len(heading) - len(row)) for row in rows]  # a row that ends too soon has an empty caption
    pairs = [(row[photo], row[caption]) for row in whole if row[part] == split and row[photo]]
    if not pairs:
        known = ", ".join(sorted({named(row[part]) for row in whole}))
        raise InvalidInput("NO_SPLIT", zh=f"没有“{split}”这一部分；有：{known}", en=f"there is no split {split!r}, but: {known}")
    return pairs


class CaptionTable:
    """A split of such a folder. Ids are places: of a photo among the split's names in order, of a caption among its rows."""

    def __init__(self, folder: Path, split: str) -> None:
        """Read the table; photos are read when they are asked for.

        Raises:
            InvalidInput: see ``read_captions``.
        """
        self.split = split
        self._photos = folder / "photos"
        self._pairs = read_captions(folder, split)
        self._names = sorted({name for name, _ in self._pairs})
        self.files = (folder / CAPTIONS_FILE, *(self._photos / name for name in self._names if Path(name).name == name))

    def texts(self, flaws: Flaws) -> Iterator[TextRow]:
        """Read the captions, in the table's order."""
        places = {name: place for place, name in enumerate(self._names)}
        for number, (name, caption) in enumerate(self._pairs):
            if caption.strip():
                yield TextRow(number, caption, (places[name],))
            else:
                flaws.note(Flaw.EMPTY_TEXT, f"{CAPTIONS_FILE}: {name}")

    def pictures(self, flaws: Flaws) -> Iterator[tuple[int, bytes]]:
        """Read the photos, in the order of their names; one that is missing or lies elsewhere is noted."""
        for place, name in enumerate(self._names):
            try:
                if Path(name).name != name:
                    raise ValueError("a path")
                yield place, (self._photos / name).read_bytes()
            except (OSError, ValueError):
                flaws.note(Flaw.BROKEN_PICTURE, name)

    def picture_name(self, image_id: int) -> str:
        """Return the photo's file name."""
        return self._names[image_id]
