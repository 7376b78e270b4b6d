"""Makes good what a power cut took from the store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum, auto

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.background_thread import BackgroundThread
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.clock import now
from soutu_services.search.journal_records import KeptWrite, WritePlace
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import BucketMissing, ObjectMissing, ObjectStore, StoreFailed, StoreUnavailable
from soutu_services.search.upload_name import alternative_names
from soutu_services.search.write_journal import WriteJournal

__all__ = ["WriteKeeper"]

_logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0
_FIRST_SECONDS = 0.5
_MOST_TRIES = 5


class _Found(Enum):
    """What is in a place where bytes were written: they, nothing, what a power cut left of them, or something else."""

    WHOLE = auto()
    NOTHING = auto()
    TORN = auto()
    OTHER = auto()


class WriteKeeper:
    """Compares what the journal keeps with the store when one of them may have lost its power, and drops what is old.

    The store is asked now and then while something is kept: one that did not answer for a while may have been started anew.

    Args:
        journal: What was written of late.
        catalog: What was acknowledged.
        buckets: The store.
        on_settled: Called once, on a thread of the keeper or of the caller of ``start``, when everything is in its place:
            until then nothing may be read from the store and taken for what it is.
    """

    def __init__(self, journal: WriteJournal, catalog: Catalog, buckets: Buckets, *, on_settled: Callable[[], None]) -> None:
        self._journal = journal
        self._catalog = catalog
        self._buckets = buckets
        self._on_settled = on_settled
        self.problem = Text(zh="", en="")
        """Why it is not known yet whether the store lost something; empty if it is."""
        self._failures: Counter[WritePlace] = Counter()
        self._thread = BackgroundThread(self._run, name="write-keeper")

    def start(self) -> None:
        """Begin. Without a doubt about the store everything counts as settled at once."""
        if not self._journal.is_doubtful:
            self._settled()
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End the thread if it was started; wait so long for it."""
        self._thread.stop(seconds)

    def put_back(self, source: str, key: str, sha256: str) -> bool:
        """Put an object back whose bytes are still kept, unless somebody wrote others there; say whether it was.

        Raises:
            SoutuError: the store does not answer or does not take it.
        """
        write, place = self._journal.find(sha256), self._buckets.sources[source]
        if write is None or not write.explains(place.store.stream(place.object_key(key))):
            return False
        return self._put(write, place, key)

    def make_good(self) -> int:
        """Put back whatever is not in the store as it was written; return how much that was.

        Raises:
            SoutuError: the store does not answer, or does not take some; all others are done, and it is to be tried again.
        """
        made_good = 0
        failure: SoutuError | None = None
        for write, make_good in self._kept():
            if self._thread.is_stopping():
                break
            try:
                made_good += make_good(write)
            except SoutuError as error:
                self._buckets.uploads.store.check()
                self._buckets.recycle.check()
                self._failures[write.place] += 1
                if self._failures[write.place] < _MOST_TRIES:
                    failure = error
                else:  # it must not hold up all others for ever
                    _logger.error("a file that was written of late could not be made good, and is given up: %s", error.text.en)
        if failure is not None:
            raise failure
        return made_good

    def _kept(self) -> Iterator[tuple[KeptWrite, Callable[[KeptWrite], int]]]:
        """List what is kept, and what makes it good; of deleted photos what was written to each key last."""
        deleted: dict[str, KeptWrite] = {}
        for write in self._journal.writes():
            if write.place.source:
                yield write, self._make_good_photo
            else:
                deleted[write.place.key] = write
        for recycled in self._catalog.objects.recycled() if deleted else ():
            if recycled.recycle_key in deleted:
                yield deleted[recycled.recycle_key], self._make_good_recycled

    def _run(self) -> None:
        seconds = _FIRST_SECONDS
        while not self._thread.wait(seconds if self._journal.is_doubtful else _TICK_SECONDS):
            try:
                if self._journal.is_empty:
                    continue
                self._check()
                if self._journal.is_doubtful:
                    self._settle()
                    seconds = _FIRST_SECONDS
                self._journal.drop_old()
            except SoutuError as error:
                if not self._journal.is_doubtful or error.text != self.problem:
                    _logger.info("the store is away; what was written of late is compared when it is back: %s", error.text.en)
                self._journal.is_doubtful = True
                self.problem = error.text
                seconds = min(2 * seconds, _TICK_SECONDS)
            except Exception:
                _logger.exception("what was written of late could not be looked through; it is tried again")

    def _check(self) -> None:
        """Ask whether the store is there. A bucket that somebody removed is made again, unless a disk is not mounted."""
        try:
            self._buckets.recycle.check()
        except BucketMissing:
            self._buckets.ensure()

    def _settle(self) -> None:
        made_good = self.make_good()
        if self._thread.is_stopping():
            return
        self._journal.settle()
        self._failures.clear()
        self.problem = Text(zh="", en="")
        if made_good:
            _logger.warning("%d files that the store had lost were put back from the journal", made_good)
        self._settled()

    def _settled(self) -> None:
        on_settled, self._on_settled = self._on_settled, lambda: None
        on_settled()

    def _make_good_photo(self, write: KeptWrite) -> int:
        place = write.place
        source = self._buckets.sources.get(place.source)
        state = self._catalog.objects.find_contents([place.sha256]).get(place.sha256)
        if source is None or state is None or state.deleted:
            return 0  # it was not acknowledged, or has gone on since
        held = [stored for stored in self._catalog.objects.of_photo(state.photo_id) if stored.sha256 == place.sha256]
        is_its_own = any((stored.source, stored.key) == (place.source, place.key) for stored in held)
        found = self._found(write, source.store, source.object_key(place.key))
        if found is _Found.WHOLE or (held and not is_its_own):
            return 0  # it is there, or was moved since
        if found is _Found.TORN and not is_its_own:
            found = _Found.OTHER
        return int(self._put(write, source, place.key if found is not _Found.OTHER else self._free_key(source, write)))

    def _make_good_recycled(self, write: KeptWrite) -> int:
        place = write.place
        if self._found(write, self._buckets.recycle, place.key) is _Found.WHOLE:
            return 0
        data = write.open()
        if data is None:
            return 0
        with data:
            self._buckets.recycle.put(place.key, data, size_bytes=place.size_bytes)
        return 1

    def _found(self, write: KeptWrite, store: ObjectStore, key: str) -> _Found:
        try:
            if digest_of(store, key) == write.place.sha256:
                return _Found.WHOLE
            return _Found.TORN if write.explains(store.stream(key)) else _Found.OTHER
        except ObjectMissing:
            return _Found.NOTHING
        except (StoreFailed, StoreUnavailable):
            if self._failures[write.place] < _MOST_TRIES - 1:
                raise
            return _Found.OTHER  # the disk may be broken there

    @staticmethod
    def _free_key(source: Source, write: KeptWrite) -> str:
        for key in alternative_names(write.place.key):
            if not source.store.exists(source.object_key(key)):
                return key
        return f"{write.place.sha256[:32]}/{write.place.key}"

    def _put(self, write: KeptWrite, source: Source, key: str) -> bool:
        data = write.open()
        if data is None:
            return False
        with data:
            source.store.put(source.object_key(key), data, size_bytes=write.place.size_bytes)
        found = source.store.stat(source.object_key(key))
        self._catalog.objects.put(
            source.name,
            key,
            etag=found.etag,
            size_bytes=write.place.size_bytes,
            modified_at=now(),
            sha256=write.place.sha256,
        )
        return True
