"""Reads the objects that the catalog says await reading."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

from soutu_services.runtime.errors import SoutuError, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, Ingested, Recorded, RecordedOutcome, UnreadObject
from soutu_services.search.decoding.pool import NO_DECODER, DecoderPool
from soutu_services.search.imaging import (
    SNIFF_BYTES,
    Reading,
    Unreadable,
    format_of,
    has_film_name,
    is_candidate,
    sniff,
)
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.ingest.group_commit import GroupCommit
from soutu_services.search.ingest.set_aside import SetAside
from soutu_services.search.metrics import STAGE_SECONDS
from soutu_services.search.model import UnreadableReason
from soutu_services.search.objects import KeyRefused, ObjectMissing, ObjectTooLarge, StoreUnavailable
from soutu_services.search.settings import UPLOAD_SOURCE, IngestSettings
from soutu_services.search.stored_film import StoredFilm, digest_in_parts

__all__ = ["ReadingPump"]

_logger = logging.getLogger(__name__)

_PAGE = 256
_GROUP = 64
_LARGE_BYTES = 32 << 20
_IDLE_SECONDS = 30.0
_STOP_CHECK_SECONDS = 0.2
_SHORTEST_WAIT_SECONDS = 0.1
_MOST_FAULTS = 5
"""Tries with an error that nobody foresaw after which it counts as the object's."""
_MOST_IN_A_ROW = 8
"""Objects that fail one after the other after which it counts as the source's."""
_REPLACEMENT = "\ufffd"
"""What a server lists in place of bytes that are no UTF-8."""


class ReadingPump:
    """Reads, digests, decodes and thumbnails objects, and records what they hold; the photos then wait to be embedded.

    One thread feeds a bounded queue from the catalog's rows; some threads work on them; one commits what they found, many rows
    at a time. An object is not fed again while it is under way, and stays in the catalog's list until it is recorded:
    whatever happens in between only means that it is read again.

    A source that does not answer is left alone for a while. An object that fails while its source answers is set aside, and
    tried again by itself, less and less often.

    Args:
        catalog: The catalog.
        buckets: Where the objects are.
        decoders: Read the pictures.
        settings: Width of the pump.
        fresh: Bytes of uploads that were received just now, by SHA-256.
        rendered: Receives thumbnails by photo id, for the embedding pump.
        on_photos: Called after photos were recorded.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        decoders: DecoderPool,
        settings: IngestSettings,
        *,
        fresh: ByteCache,
        rendered: ByteCache,
        on_photos: Callable[[], None],
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._decoders = decoders
        self._max_bytes = decoders.limits.max_bytes
        self._settings = settings
        self._fresh = fresh
        self._rendered = rendered
        self._on_photos = on_photos
        self._gates = {name: _gate(settings) for name in buckets.sources}
        self._own_gate = _gate(settings)  # the thumbnails' bucket and the catalog: nothing goes without them
        self._aside = SetAside(first_seconds=settings.retry_first_seconds, most_seconds=settings.retry_most_seconds)
        self._away: set[str] = set()
        self._in_a_row: Counter[str] = Counter()
        self._again = False  # something that the feed has passed awaits reading still
        self._held_back: frozenset[str] = frozenset()
        self._under_way: set[int] = set()
        self._lock = threading.Lock()
        self._large = threading.Lock()  # one large object in memory at a time
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._queue: queue.Queue[UnreadObject] = queue.Queue(settings.queue_objects)
        self._commits = GroupCommit[Ingested, Recorded](catalog.ingest.record, most_items=_GROUP, name="ingest-commit")
        self._threads = [threading.Thread(target=self._feed, name="ingest-feed", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"ingest-read-{number}", daemon=True) for number in range(settings.readers)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Begin nothing more, and wait so long for what is under way. What does not end is begun again at the next start."""
        self._stop.set()
        self._wake.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._commits.close()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def hold_back(self, sources: Collection[str]) -> None:
        """Do not begin to read what a sync found in these sources until they are left out of a later call; uploads go on."""
        self._held_back = frozenset(sources)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Objects that are queued or under way."""
        with self._lock:
            return len(self._under_way)

    def problems(self) -> Mapping[str, Text]:
        """Say what keeps objects of which source from being read now."""
        own = self._own_gate.problem
        if own.en:
            return dict.fromkeys(self._gates, own)
        return {name: gate.problem for name, gate in self._gates.items() if gate.problem.en}

    @property
    def problem(self) -> Text:
        """What keeps the catalog or the thumbnails from being written now; empty if nothing does."""
        return self._own_gate.problem

    @property
    def passed_over(self) -> Mapping[int, str]:
        """Objects, by ``object_id``, and their sources, that cannot be read though their source answers; tried again seldom."""
        return self._aside.passed_over

    def _feed(self) -> None:
        after = 0
        looked_through: set[str] = set()
        while not self._stop.is_set():
            sources = self._open_sources()
            if after == 0:
                self._aside.begin_pass()
                looked_through = set(sources)
            looked_through.intersection_update(sources)
            rows = self._next_rows(after, sources)
            if rows is None:  # nothing can be looked at now: go on from here later
                self._again |= self._pause(self._seconds_to_wait())
                continue
            if not rows:
                after = 0
                self._aside.end_pass(looked_through)
                self._ask_again()
                again, self._again = self._again, False
                self._pause(_SHORTEST_WAIT_SECONDS if again else self._seconds_to_wait())
                continue
            after = rows[-1].object_id
            held_back = self._held_back
            for row in rows:
                if row.sha256 is None and row.source in held_back:
                    continue
                if self._aside.is_waiting(row.object_id) or not self._take(row):
                    continue
                if not self._enqueue(row):
                    return

    def _pause(self, seconds: float) -> bool:
        """Wait; return whether there may be new work."""
        is_woken = self._wake.wait(seconds)
        self._stop.wait(0.01)  # what wakes it seldom comes alone
        self._wake.clear()
        return is_woken

    def _next_rows(self, after: int, sources: Sequence[str]) -> Sequence[UnreadObject] | None:
        if not sources or not self._own_gate.is_open:
            return None
        try:
            return self._catalog.objects.next_unread(_PAGE, after_id=after, sources=sources)
        except Exception as error:  # noqa: BLE001 - the pump must outlive whatever the disk does
            self._catalog_failed(error)
            return None

    def _open_sources(self) -> list[str]:
        return [name for name, gate in self._gates.items() if gate.is_open]

    def _ask_again(self) -> None:
        """Ask sources that failed whether they answer again: there may be nothing left in them to find that out by."""
        for name in self._open_sources():
            if self._gates[name].has_failed and not self._is_away(self._buckets.sources[name]):
                self._away.discard(name)
                self._gates[name].succeeded()
                self._again = True

    def _seconds_to_wait(self) -> float:
        if not self._own_gate.is_open:
            return self._own_gate.seconds_left() + 0.01
        closed = [gate.seconds_left() for gate in self._gates.values() if not gate.is_open]
        due = self._aside.seconds_left(set(self._open_sources()) - self._held_back)
        return min([*closed, _IDLE_SECONDS, max(due, _SHORTEST_WAIT_SECONDS)]) + 0.01

    def _take(self, row: UnreadObject) -> bool:
        with self._lock:
            if row.object_id in self._under_way:
                return False
            self._under_way.add(row.object_id)
            return True

    def _enqueue(self, row: UnreadObject) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(row, timeout=_STOP_CHECK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _release(self, row: UnreadObject) -> None:
        with self._lock:
            self._under_way.discard(row.object_id)

    def _leave(self, row: UnreadObject) -> None:
        """Release an object that awaits reading still."""
        self._release(row)
        self._again = True
        self._wake.set()  # the feed may not know yet when it is due

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                row = self._queue.get(timeout=_STOP_CHECK_SECONDS)
            except queue.Empty:
                continue
            try:
                ingested = self._handle(row)
            except _NotNow:
                self._leave(row)
                continue
            except SoutuError as error:
                self._failed(row, error)
                self._leave(row)
                continue
            except Exception as error:  # noqa: BLE001 - it may pass: out of memory, a library's whim
                ingested = self._faulty(row, error)
                if ingested is None:
                    self._leave(row)
                    continue
            if ingested is None:
                self._aside.forget(row.object_id)
                self._release(row)
            else:
                self._commits.submit(ingested).add_done_callback(partial(self._recorded, row))

    def _failed(self, row: UnreadObject, error: SoutuError) -> None:
        """Tell the source's failures from the object's."""
        if row.source in self._away and not self._gates[row.source].is_open:
            return
        if self._is_away(self._buckets.sources[row.source]):
            return
        self._away.discard(row.source)
        self._aside.failed(row.object_id, row.source)
        with self._lock:
            self._in_a_row[row.source] += 1
            in_a_row = self._in_a_row[row.source]
        if in_a_row >= _MOST_IN_A_ROW:
            self._close(row.source, error.text)
        else:
            _logger.info("an object of source %s cannot be read now: %s", row.source, error.text.en)

    def _is_away(self, source: Source) -> bool:
        try:
            source.store.check()
        except SoutuError as error:
            self._away.add(source.name)
            self._close(source.name, error.text)
            return True
        return False

    def _close(self, source: str, problem: Text) -> None:
        if self._gates[source].failed(problem):
            _logger.warning("source %s cannot be read now: %s", source, problem.en)

    def _answered(self, source: str) -> None:
        if self._in_a_row[source]:
            with self._lock:
                self._in_a_row[source] = 0
        if self._gates[source].has_failed:
            self._away.discard(source)
            self._gates[source].succeeded()
            self._aside.retry(source)
            self._wake.set()

    def _faulty(self, row: UnreadObject, error: Exception) -> Ingested | None:
        """Set aside what failed in a way that nobody foresaw, until it did so too often to be chance."""
        faults = self._aside.failed(row.object_id, row.source, is_fault=True)
        if faults < _MOST_FAULTS:
            _logger.warning("reading an object failed; it is tried again", exc_info=error)
            return None
        _logger.error("reading an object failed %d times; it counts as unreadable", faults, exc_info=error)
        reason = UnreadableReason.TOO_LARGE if isinstance(error, MemoryError) else UnreadableReason.BROKEN
        return Ingested(row, _stand_in_digest(row), unreadable=reason)

    @contextmanager
    def _in_catalog(self) -> Iterator[None]:
        """Take what the catalog raises for its own failure, not the object's or the source's."""
        try:
            yield
        except Exception as error:
            self._catalog_failed(error)
            raise _NotNow from error

    def _catalog_failed(self, error: BaseException) -> None:
        text = error.text if isinstance(error, SoutuError) else _CATALOG_FAILED
        if self._own_gate.failed(text):
            _logger.error("the ingest cannot go on now: %s", text.en, exc_info=error)

    def _recorded(self, row: UnreadObject, future: Future[Recorded]) -> None:
        error = future.exception()
        if error is not None:
            if not isinstance(error, SoutuError):
                self._aside.failed(row.object_id, row.source)  # it may be the object's own
            self._leave(row)
            self._catalog_failed(error)
            return
        self._release(row)
        self._aside.forget(row.object_id)
        if self._own_gate.has_failed:
            self._own_gate.succeeded()
        if future.result().outcome is RecordedOutcome.STALE:
            self._wake.set()
        self._on_photos()

    def _handle(self, row: UnreadObject) -> Ingested | None:
        """Read one object; None if there is nothing to record."""
        source = self._buckets.sources[row.source]
        try:
            if is_candidate(row.key) is None and row.sha256 is None and not sniff(self._first_bytes(row, source)):
                with self._in_catalog():
                    self._catalog.objects.record_ignored(row.source, [row.key])
                return None
            if self._is_film(row, source):
                return self._read_film(row, source)
            if row.size_bytes > _LARGE_BYTES:
                with self._large:
                    return self._read(row, source)
            return self._read(row, source)
        except ObjectMissing:
            self._answered(row.source)
            if _REPLACEMENT in row.key:  # bytes that are no UTF-8 were listed as this: by that name nobody finds it
                return Ingested(row, _stand_in_digest(row), unreadable=UnreadableReason.NAME_REFUSED)
            with self._in_catalog():
                self._catalog.objects.mark_gone(row.source, [row.key])
            return None
        except ObjectTooLarge:
            return Ingested(row, _stand_in_digest(row), unreadable=UnreadableReason.TOO_LARGE)
        except KeyRefused:
            return Ingested(row, _stand_in_digest(row), unreadable=UnreadableReason.NAME_REFUSED)

    def _first_bytes(self, row: UnreadObject, source: Source) -> bytes:
        first = source.store.read_range(source.object_key(row.key), offset=0, length=SNIFF_BYTES)
        self._answered(row.source)
        return first

    def _is_film(self, row: UnreadObject, source: Source) -> bool:
        """Whether an object is a video that is to be read in parts: by its first bytes, where it may be one."""
        if not has_film_name(row.key) and is_candidate(row.key) is not None:
            return False
        kind = format_of(self._first_bytes(row, source))
        return kind is not None and kind.is_film

    def _read_film(self, row: UnreadObject, source: Source) -> Ingested:
        """Read a video: once from its beginning to its end for its digest, and then what the decoder asks for."""
        revives = row.source == UPLOAD_SOURCE
        key, limit = source.object_key(row.key), self._decoders.limits.max_film_bytes
        if row.size_bytes > limit:
            raise ObjectTooLarge
        with STAGE_SECONDS.labels("read").time():
            before = source.store.stat(key)
            digest, size = digest_in_parts(source.store, key, max_bytes=limit, checkpoint=self._check_stop)
        self._answered(row.source)
        with self._in_catalog():
            known = self._catalog.objects.find_contents([digest]).get(digest)
        if known is not None and known.read:
            return Ingested(row, digest, revives_purged=revives)
        with STAGE_SECONDS.labels("decode").time():
            try:
                film = StoredFilm(source.store, key, size)
                reading = self._decoded(lambda: self._decoders.read_film(film, name=row.key, modified_at=row.modified_at))
            except Unreadable as unreadable:
                _logger.info("a file cannot be read as a video: %s", unreadable)
                reading = None
                reason = unreadable.reason
        after = source.store.stat(key)
        if size != before.size_bytes or (after.etag, after.size_bytes) != (before.etag, before.size_bytes):
            raise StoreUnavailable  # it changed meanwhile, or a part came for the whole
        if reading is None:
            return Ingested(row, digest, unreadable=reason, revives_purged=revives)
        return self._kept(row, digest, reading, revives=revives)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise _NotNow

    def _read(self, row: UnreadObject, source: Source) -> Ingested:
        revives = row.source == UPLOAD_SOURCE
        data = self._fresh.take(row.sha256) if row.sha256 else None
        if data is not None and row.sha256:
            digest = row.sha256
        else:
            if row.size_bytes > self._max_bytes:
                raise ObjectTooLarge
            with STAGE_SECONDS.labels("read").time():
                data = source.store.read(source.object_key(row.key), max_bytes=self._max_bytes)
            if len(data) != row.size_bytes and len(data) != source.store.stat(source.object_key(row.key)).size_bytes:
                raise StoreUnavailable  # whatever it says, a part must never pass for the whole
            digest = hashlib.sha256(data).hexdigest()
            self._answered(row.source)
            with self._in_catalog():
                known = self._catalog.objects.find_contents([digest]).get(digest)
            if known is not None and known.read:
                return Ingested(row, digest, revives_purged=revives)
        with STAGE_SECONDS.labels("decode").time():
            try:
                reading = self._decoded(lambda: self._decoders.read(data, name=row.key, modified_at=row.modified_at))
            except Unreadable as unreadable:
                _logger.info("a file cannot be read as a picture: %s", unreadable)
                return Ingested(row, digest, unreadable=unreadable.reason, revives_purged=revives)
        return self._kept(row, digest, reading, revives=revives)

    def _kept(self, row: UnreadObject, digest: str, reading: Reading, *, revives: bool) -> Ingested:
        photo_id = digest[:32]
        with STAGE_SECONDS.labels("thumbnail").time():
            self._keep_thumbnail(photo_id, reading)
        if not reading.frames:
            self._rendered.put(photo_id, reading.thumbnail)
        return Ingested(row, digest, reading=reading, revives_purged=revives)

    def _decoded(self, decode: Callable[[], Reading]) -> Reading:
        try:
            return decode()
        except Unavailable as error:
            if error.reason not in NO_DECODER:
                raise  # a part of a video could not be read
            if self._own_gate.failed(error.text) and not self._stop.is_set():
                _logger.warning("pictures cannot be decoded now: %s", error.text.en)
            raise _NotNow from error

    def _keep_thumbnail(self, photo_id: str, reading: Reading) -> None:
        try:
            self._buckets.thumbnails.keep(photo_id, reading)
        except SoutuError as error:
            if self._own_gate.failed(error.text):
                _logger.warning("thumbnails cannot be stored now: %s", error.text.en)
            raise _NotNow from error


class _NotNow(Exception):  # noqa: N818 - it is not the object's error
    """Something that every object needs failed; its gate is closed."""


_CATALOG_FAILED = Text(
    zh="图库目录写入失败，会自动重试，详情见服务日志", en="the catalog cannot be written; it is tried again, see the log"
)


def _gate(settings: IngestSettings) -> Gate:
    return Gate(first_seconds=settings.retry_first_seconds, most_seconds=settings.retry_most_seconds)


def _stand_in_digest(row: UnreadObject) -> str:
    """Digest what tells an object apart whose bytes are not read: its place, tag and size."""
    if row.sha256:
        return row.sha256
    return hashlib.sha256(f"unread object\0{row.source}\0{row.key}\0{row.etag}\0{row.size_bytes}".encode()).hexdigest()
