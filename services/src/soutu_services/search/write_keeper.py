"""Makes good what a power cut took from the store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.clock import now
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import ObjectMissing
from soutu_services.search.upload_name import alternative_names
from soutu_services.search.write_journal import KeptWrite, WriteJournal

__all__ = ["WriteKeeper"]

_logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0
_FIRST_SECONDS = 0.5


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
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="write-keeper", daemon=True)

    def start(self) -> None:
        """Begin. Without a doubt about the store everything counts as settled at once."""
        if not self._journal.is_doubtful:
            self._settled()
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End the thread if it was started; wait so long for it."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def put_back(self, source: str, key: str, sha256: str) -> bool:
        """Put an object back whose bytes are still kept; say whether they are."""
        write = self._journal.find(sha256)
        return write is not None and self._put(write, self._buckets.sources[source], key)

    def make_good(self) -> int:
        """Put back whatever is not in the store as it was written; return how much that was.

        Raises:
            SoutuError: the store does not answer or does not take it; it is to be tried again.
        """
        made_good = 0
        for write in self._journal.writes():
            if self._stop.is_set():
                break
            made_good += self._make_good_recycled(write) if not write.place.source else self._make_good_photo(write)
        return made_good

    def _run(self) -> None:
        seconds = _FIRST_SECONDS
        while not self._stop.wait(seconds if self._journal.is_doubtful else _TICK_SECONDS):
            try:
                if self._journal.is_empty:
                    continue
                self._buckets.recycle.check()
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

    def _settle(self) -> None:
        made_good = self.make_good()
        if self._stop.is_set():
            return
        self._journal.settle()
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
        try:
            if digest_of(source.store, source.object_key(place.key)) == place.sha256:
                return 0
            if is_its_own:
                return int(self._put(write, source, place.key))
        except ObjectMissing:
            if is_its_own or not held:
                return int(self._put(write, source, place.key))
        if held:
            return 0  # it was moved since
        for key in alternative_names(place.key):  # another file has taken its name
            if not source.store.exists(source.object_key(key)):
                return int(self._put(write, source, key))
        return 0

    def _make_good_recycled(self, write: KeptWrite) -> int:
        place = write.place
        rows = [row for row in self._catalog.objects.recycled() if row.recycle_key == place.key and row.sha256 == place.sha256]
        if not rows:
            return 0
        try:
            if digest_of(self._buckets.recycle, place.key) == place.sha256:
                return 0
        except ObjectMissing:
            pass
        data = write.open()
        if data is None:
            return 0
        with data:
            self._buckets.recycle.put(place.key, data, size_bytes=place.size_bytes)
        return 1

    def _put(self, write: KeptWrite, source: Source, key: str) -> bool:
        data = write.open()
        if data is None:
            return False
        with data:
            source.store.put(source.object_key(key), data, size_bytes=write.place.size_bytes)
        self._catalog.objects.put(
            source.name,
            key,
            etag="",
            size_bytes=write.place.size_bytes,
            modified_at=now(),
            sha256=write.place.sha256,
        )
        return True
