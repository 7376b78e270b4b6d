"""What a check can find, and what it has found."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from soutu_services.runtime.language import Text
from soutu_services.search.model import CheckFinding

__all__ = ["FindingKind", "Findings"]

_MOST_EXAMPLES = 20


class FindingKind(Enum):
    """A way in which the parts of a library can disagree, the most serious first. Each says what it is and what to do."""

    CATALOG_DAMAGED = Text(
        zh="图库目录文件已损坏：请用 soutu restore 从备份恢复",
        en="the catalog's file is damaged: restore it from a backup with soutu restore",
    )
    CONTENT_DIFFERS = Text(
        zh="文件的内容变坏了，与入库时不同：请用备份里的同一文件替换它",
        en="files whose bytes are not those that were taken in: put them back from a backup",
    )
    RECYCLED_DIFFERS = Text(
        zh="回收处文件的内容变坏了：恢复前请先检查",
        en="deleted files whose bytes are not those that were deleted: look at them before you bring them back",
    )
    OBJECT_MISSING = Text(
        zh="目录里有、存储里却没有的文件：若磁盘已挂载，用 --repair 记为已不在",
        en="files that the catalog has and the store has not: if the disk is mounted, --repair marks them as gone",
    )
    RECYCLED_MISSING = Text(
        zh="回收处缺少已删除的文件：它们无法再恢复",
        en="deleted files that are missing from the recycle bucket: they cannot be brought back",
    )
    SOURCE_UNREADABLE = Text(
        zh="来源或桶读不出来，没有检查：请看 soutu doctor",
        en="sources or buckets that could not be read and were not checked: see soutu doctor",
    )
    REFERENCE_BROKEN = Text(
        zh="目录里指向不存在记录的条目",
        en="rows of the catalog that point to rows which are not there",
    )
    VECTOR_BROKEN = Text(zh="损坏的向量，照片需要重新识别", en="broken embeddings; their photos have to be embedded again")
    PRESENCE_WRONG = Text(
        zh="“是否存在”与文件不符的名字或照片",
        en="names or photos whose presence does not follow from the files",
    )
    PAIR_WRONG = Text(
        zh="没有合成一张的 RAW 和 JPEG（或实况照片），或不该合成的",
        en="raw files and clips that should be, or should not be, part of the photo beside them",
    )
    STATE_WRONG = Text(zh="状态与向量不符的照片", en="photos whose state does not follow from their embeddings")
    WORDS_WRONG = Text(
        zh="文字索引与名字、标签、相册或说明不符",
        en="words that do not follow from names, tags, albums and captions",
    )
    INDEX_WRONG = Text(zh="搜索索引与目录不符的向量", en="vectors of the index that are not the catalog's")
    OBJECT_CHANGED = Text(
        zh="入库后改动过、尚未重新读取的文件：用 sync 或 --repair 读取",
        en="files that were changed and not read again yet: sync or --repair reads them",
    )
    OBJECT_NEW = Text(
        zh="存储里有、尚未入库的文件：用 sync 或 --repair 读取",
        en="files in the store that were not taken in yet: sync or --repair reads them",
    )
    RECYCLED_UNKNOWN = Text(zh="回收处里目录不认得的文件", en="files in the recycle bucket that the catalog does not know")
    THUMBNAIL_MISSING = Text(zh="缺少缩略图的照片", en="photos without their thumbnail")
    THUMBNAIL_BROKEN = Text(zh="损坏的缩略图", en="broken thumbnails")
    THUMBNAIL_ORPHANED = Text(zh="没有照片的缩略图", en="thumbnails without a photo")
    LEFTOVER = Text(zh="数据文件夹里中断后遗留的文件", en="files in the data folder that something interrupted left behind")


class Findings:
    """What a check has found so far, by kind."""

    def __init__(self) -> None:
        self._found: dict[FindingKind, tuple[int, int, list[str]]] = {}

    def add(self, kind: FindingKind, examples: Iterable[str], *, repaired: int = 0) -> None:
        """Add what was found.

        Args:
            kind: Its kind.
            examples: Each of what was found: photo ids, or names within their sources.
            repaired: How many of them are mended.
        """
        new = list(examples)
        if not new:
            return
        count, mended, shown = self._found.get(kind, (0, 0, []))
        self._found[kind] = count + len(new), mended + repaired, [*shown, *new][:_MOST_EXAMPLES]

    def has(self, kind: FindingKind) -> bool:
        """Tell whether anything of a kind was found."""
        return kind in self._found

    @property
    def count(self) -> int:
        """How much was found."""
        return sum(count for count, _, _ in self._found.values())

    @property
    def left(self) -> int:
        """How much of it is not mended."""
        return sum(count - repaired for count, repaired, _ in self._found.values())

    def listed(self) -> tuple[CheckFinding, ...]:
        """List it, the most serious first."""
        return tuple(
            CheckFinding(kind.name, kind.value, count, repaired, tuple(examples))
            for kind in FindingKind
            for count, repaired, examples in [self._found.get(kind, (0, 0, []))]
            if count
        )
