"""Sync: what lies in the sources, compared with what the catalog has of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, SeenObject
from soutu_services.search.imaging import is_candidate
from soutu_services.search.metrics import LAST_SYNC
from soutu_services.search.objects import ObjectMissing, StoredObject
from soutu_services.search.settings import SyncSettings

__all__ = ["Listed", "SourceListing", "seen_object"]

_logger = logging.getLogger(__name__)

_BATCH = 500
_MOST_CHECKED = 500


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
        on_work: Called when something awaits reading.
    """

    def __init__(self, catalog: Catalog, buckets: Buckets, settings: SyncSettings, *, on_work: Callable[[], None]) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._settings = settings
        self._on_work = on_work
        self._locks = {name: threading.Lock() for name in buckets.sources}
        self._problems: dict[str, Text] = {}

    def problem(self, source: str) -> Text | None:
        """Say what kept a source from being listed last time."""
        return self._problems.get(source)

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
                _logger.warning("source %s cannot be listed: %s", name, error.text.en)
                raise
            self._problems.pop(name, None)
        now = datetime.now(UTC)
        self._catalog.jobs.record_synced(name, now)
        LAST_SYNC.labels(name).set(now.timestamp())
        return listed

    def _take_over(self, source: Source, checkpoint: Callable[[int, int], None]) -> Listed:
        missing = set(self._catalog.objects.present_keys(source.name))  # an upload during the listing is none of its business
        known = len(missing)
        to_read = 0
        for batch in _batches(source.store.walk(source.prefix)):
            seen = [seen_object(source, found) for found in batch if not found.key.endswith("/")]
            result = self._catalog.objects.record_seen(source.name, seen)
            missing.difference_update(item.key for item in seen)
            to_read += result.new + result.changed
            checkpoint(len(seen), result.new + result.changed)
            if result.new + result.changed:
                self._on_work()
        if len(missing) > max(self._settings.gone_objects, int(known * self._settings.gone_share)):
            _logger.error("source %s lacks %d of %d objects; they are not taken for deleted", source.name, len(missing), known)
            return Listed(to_read, gone=0, kept=len(missing))
        gone = [key for key in missing if self._is_gone(source, key)] if len(missing) <= _MOST_CHECKED else list(missing)
        return Listed(to_read, gone=self._catalog.objects.mark_gone(source.name, gone) if gone else 0, kept=0)

    @staticmethod
    def _is_gone(source: Source, key: str) -> bool:
        """Look again: it may have been written while the listing was under way."""
        try:
            source.store.stat(source.object_key(key))
        except ObjectMissing:
            return True
        return False


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
