"""Sync: what lies in the sources, compared with what the catalog has of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, SeenObject
from soutu_services.search.catalog.clock import now
from soutu_services.search.gone_objects import GoneObjects
from soutu_services.search.imaging import is_candidate
from soutu_services.search.objects import BucketMissing, StoredObject, StoreRefused, StoreUnavailable
from soutu_services.search.settings import SyncSettings

__all__ = ["Listed", "SourceListing", "missing_text", "seen_object"]

_logger = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """What one complete listing of a source brought.

    Attributes:
        to_read: Objects that are new or changed, and await reading.
        gone: Objects that were marked as gone.
        kept: Objects that are not in the listing and were not marked as gone, since they are too many at once.
    """

    to_read: int
    gone: int
    kept: int


class SourceListing:
    """Lists sources and takes over what is new, changed, back or gone. Thread safe; one listing of a source at a time.

    Only a listing that came to its end says that something is gone, and only up to a share of the source: a disk that is not
    mounted lists empty.

    Args:
        catalog: The catalog.
        buckets: The sources.
        settings: What is believed.
        on_work: Called when something awaits reading, or may await its embedding.
    """

    def __init__(self, catalog: Catalog, buckets: Buckets, settings: SyncSettings, *, on_work: Callable[[], None]) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._gone = GoneObjects(catalog, settings)
        self._words: set[str] = set()
        self._away: set[str] = set()
        self._on_work = on_work
        self._locks = {name: threading.Lock() for name in buckets.sources}
        self._problems: dict[str, Text] = {}

    def problems(self) -> dict[str, Text]:
        """Say what keeps which source from being listed, or what is missing in it and waits for a person's word."""
        problems = {source: missing_text(count) for source, count in self._catalog.missing.waiting().items()}
        return problems | self._problems

    def confirm_gone(self, names: Collection[str]) -> None:
        """Take a person's word that what is missing in these sources is gone, once; none named: in all.

        It is about what the status says is missing; where it says nothing, about what the next whole listing lacks. What
        vanishes later needs another word.
        """
        if not set(names) <= self._buckets.sources.keys():
            return  # nothing is synced then
        for name in names or self._buckets.sources:
            if not self._catalog.missing.confirm(name):
                self._words.add(name)

    def came_back(self) -> list[str]:
        """Ask sources that could not be listed since their store was away whether it answers; name those where it does again."""
        back = [name for name in tuple(self._away) if self._answers(name)]
        self._away.difference_update(back)
        return back

    def _answers(self, name: str) -> bool:
        try:
            self._buckets.sources[name].store.check()
        except SoutuError:
            return False
        return True

    def forget_word(self, name: str) -> None:
        """Forget a person's word about a source that could not be listed."""
        self._words.discard(name)

    def take_over(self, name: str, *, checkpoint: Callable[[int, int], None]) -> Listed:
        """List a source from its beginning to its end.

        Args:
            name: The source.
            checkpoint: Called now and then with how many more objects were seen and await reading; what it raises ends it.

        Raises:
            SoutuError: the source cannot be listed now; nothing was marked as gone.
        """
        with self._locks[name]:
            try:
                listed = self._take_over(self._buckets.sources[name], checkpoint)
            except SoutuError as error:
                self._problems[name] = error.text
                if isinstance(error, BucketMissing | StoreRefused | StoreUnavailable):
                    self._away.add(name)
                _logger.warning("source %s cannot be listed: %s", name, error.text.en)
                raise
            self._problems.pop(name, None)
        self._catalog.jobs.record_synced(name, now())
        return listed

    def _take_over(self, source: Source, checkpoint: Callable[[int, int], None]) -> Listed:
        has_word = source.name in self._words
        present = set(self._catalog.objects.present_keys(source.name))  # an upload from here on is none of its business
        missing = set(present)
        came: list[SeenObject] = []
        to_read = 0
        for batch in _batches(source.store.walk(source.prefix)):
            seen = [seen_object(source, found) for found in batch if not found.key.endswith("/")]
            result = self._catalog.objects.record_seen(source.name, seen)
            missing.difference_update(item.key for item in seen)
            came.extend(item for item in seen if item.key not in present)
            to_read += result.new + result.changed
            checkpoint(len(seen), result.new + result.changed)
            if result.new + result.changed:
                self._on_work()
        verdict = self._gone.judge(source, missing, known=len(present), came=came, has_word=has_word)
        if verdict.gone:
            self._on_work()  # what was part of a photo that is gone may have to be embedded by itself
        if has_word:
            self.forget_word(source.name)
        if verdict.kept:
            _logger.error(
                "source %s lacks %d of %d objects; they are not taken for deleted", source.name, verdict.kept, len(present)
            )
        return Listed(to_read, gone=verdict.gone, kept=verdict.kept)


def missing_text(files: int) -> Text:
    """Say that files of a source wait for a person's word."""
    return Text(
        zh=f"有 {files} 个文件不见了，多得不像是删除，因此没有改动图库。请检查磁盘是否已挂载；"
        "若确实删除了，运行 soutu sync --confirm-gone",
        en=f"{files} files are missing, too many to be taken for deleted, so the library was left as it is. "
        "Check that the disk is mounted; if they really were deleted, run soutu sync --confirm-gone",
    )


def seen_object(source: Source, found: StoredObject) -> SeenObject:
    """Describe an object of a bucket as one of its source."""
    key = found.key.removeprefix(source.prefix)
    return SeenObject(key, found.etag, found.size_bytes, found.modified_at, ignored=is_candidate(key) is False)


def _batches(found: Iterator[StoredObject]) -> Iterator[Sequence[StoredObject]]:
    batch: list[StoredObject] = []
    for item in found:
        batch.append(item)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
