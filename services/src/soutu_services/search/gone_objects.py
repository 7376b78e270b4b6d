"""What a listing lacks, judged: gone, moved, or so much that a person has to say whether it is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from soutu_services.runtime.errors import Unavailable
from soutu_services.search.buckets import Source
from soutu_services.search.catalog import Catalog, SeenObject
from soutu_services.search.objects import KeyRefused, ObjectMissing
from soutu_services.search.settings import SyncSettings

__all__ = ["GoneObjects", "Verdict"]

_MOST_CHECKED = 500
_SAMPLE = 50
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many objects were marked as gone, and how many wait for a person's word instead."""

    gone: int
    kept: int


class GoneObjects:
    """Judges what whole listings lack. A disk that is not mounted lists empty, or lacks a part.

    Args:
        catalog: The catalog.
        settings: What is believed without a person's word.
    """

    def __init__(self, catalog: Catalog, settings: SyncSettings) -> None:
        self._catalog = catalog
        self._settings = settings

    def judge(self, source: Source, missing: set[str], *, known: int, came: Sequence[SeenObject], has_word: bool) -> Verdict:
        """Mark as gone what is, and note what waits for a person's word.

        What moved within the source is gone from its old place, however much it is. Of the rest, what a person said is gone is;
        and all of it, if it is no more than is believed. Of a listing without any object nothing is.

        Args:
            source: The source that was listed.
            missing: Keys of present objects that are not in the listing.
            known: How many objects were present before.
            came: Objects of the listing that were not present before.
            has_word: Whether a person said, for this listing, that what is missing is gone.

        Raises:
            Unavailable: the store has objects that its listing lacks; nothing was marked.
            SoutuError: the store does not answer.
        """
        kept: set[str] = set()
        is_empty = len(missing) == known and not came
        if not has_word and missing and (is_empty or len(missing) > self._believed(known)):
            confirmed = missing & self._catalog.missing.confirmed(source.name)
            kept = missing - confirmed
            moved = self._moved(source, kept, came)
            kept -= moved
            if not is_empty and len(kept) <= self._believed(known - len(confirmed) - len(moved)):
                kept = set()
        gone = self._really_gone(source, missing - kept)
        self._catalog.missing.note(source.name, kept)
        marked = sum(self._catalog.objects.mark_gone(source.name, some) for some in _batches(gone))
        return Verdict(marked, len(kept))

    def _believed(self, known: int) -> int:
        """Tell how many of so many objects may be gone without a person's word."""
        return max(self._settings.gone_objects, int(known * self._settings.gone_share))

    def _moved(self, source: Source, missing: Collection[str], came: Iterable[SeenObject]) -> set[str]:
        """Find what lies under another key now, by its entity tag and size: each that came stands for one that is missing."""
        arrived = Counter((item.etag.strip('"'), item.size_bytes) for item in came if item.etag)
        moved: set[str] = set()
        for key, etag, size_bytes in self._catalog.missing.tags(source.name, missing) if arrived else ():
            if arrived[etag, size_bytes] > 0:
                arrived[etag, size_bytes] -= 1
                moved.add(key)
        return moved

    def _really_gone(self, source: Source, keys: set[str]) -> list[str]:
        """Look again: each may have been written while the listing was under way; of many, some tell whether it was whole."""
        if len(keys) <= _MOST_CHECKED:
            return [key for key in keys if not _exists(source, key)]
        if any(_exists(source, key) for key in random.sample(sorted(keys), _SAMPLE)):
            raise Unavailable(
                "LISTING_INCOMPLETE",
                zh="照片存储列出的文件不完整，没有改动图库，soutu 会自动重试",
                en="the photo store's listing is not complete, so the library was left as it is; soutu will try again by itself",
            )
        return list(keys)


def _exists(source: Source, key: str) -> bool:
    try:
        source.store.stat(source.object_key(key))
    except (ObjectMissing, KeyRefused):  # by a name that cannot be asked for nothing is found; the listing alone tells of it
        return False
    return True


def _batches(keys: list[str]) -> Iterator[list[str]]:
    return (keys[begin : begin + _BATCH] for begin in range(0, len(keys), _BATCH))
