"""Embeds the photos that the catalog says lack an embedding."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection

import numpy as np

from soutu_services.runtime.errors import NotFound, SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog, StoredEmbeddings
from soutu_services.search.embedder import Embedded, Malformed, NotEmbedded
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.imaging import Unreadable
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.metrics import STAGE_SECONDS
from soutu_services.search.model import UnreadableReason
from soutu_services.search.originals import Originals
from soutu_services.search.settings import IngestSettings

__all__ = ["EmbeddingPump"]

_logger = logging.getLogger(__name__)

_PAGE = 256
_IDLE_SECONDS = 30.0
_GATHER_SECONDS = 0.03
_STOP_CHECK_SECONDS = 0.2


class EmbeddingPump:
    """Sends thumbnails in batches, several at a time, to the embedding service, and records what comes back.

    Nothing is kept in memory but what is under way: whatever happens, the catalog still says which photos lack an embedding.

    Args:
        catalog: The catalog.
        buckets: Where the thumbnails are.
        originals: Where a lost thumbnail is made again from.
        link: The embedding service.
        settings: Width of the pump.
        rendered: Thumbnails that were made just now, by photo id.
        on_stored: Called with what was stored, on the thread that stored it, for the index.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        originals: Originals,
        link: EmbeddingLink,
        settings: IngestSettings,
        *,
        rendered: ByteCache,
        on_stored: Callable[[str, StoredEmbeddings], None],
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._originals = originals
        self._link = link
        self._settings = settings
        self._rendered = rendered
        self._on_stored = on_stored
        self._gate = Gate(first_seconds=settings.retry_first_seconds, most_seconds=settings.retry_most_seconds)
        self._under_way: set[str] = set()
        self._set_aside: dict[str, float] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._batches: queue.Queue[tuple[str, list[str]]] = queue.Queue(1)
        self._threads = [threading.Thread(target=self._feed, name="ingest-batches", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"ingest-embed-{number}", daemon=True)
            for number in range(settings.batches_in_flight)
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

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Photos that are under way."""
        with self._lock:
            return len(self._under_way)

    @property
    def passed_over(self) -> Collection[str]:
        """Photos that cannot be embedded now though others can; each is tried again by itself, seldom."""
        with self._lock:
            return frozenset(self._set_aside)

    @property
    def problem(self) -> Text:
        """What keeps thumbnails or embeddings from being read or written now; empty if nothing does."""
        return self._gate.problem

    def _feed(self) -> None:
        after = 0
        batch: list[str] = []
        while not self._stop.is_set():
            model = self._link.model
            if model is None or not self._gate.is_open:
                after, batch = 0, self._drop(batch)
                self._pause(self._gate.seconds_left() or _IDLE_SECONDS)
                continue
            most = min(self._settings.batch_photos, model.batch_items)
            try:
                rows = self._catalog.embeddings.pending(model.space_id, _PAGE, after_id=after)
            except Exception as error:  # noqa: BLE001 - the pump must outlive whatever the disk does
                self._failed(error)
                continue
            for position, photo_id in rows:
                after = position
                if self._take(photo_id):
                    batch.append(photo_id)
                if len(batch) >= most:
                    batch = self._send(model.space_id, batch)
            if len(rows) == _PAGE:
                continue
            after = 0
            if batch and not self._wake.wait(_GATHER_SECONDS):
                batch = self._send(model.space_id, batch)
            if not batch:
                self._pause(_IDLE_SECONDS)
            self._wake.clear()

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()
        self._stop.wait(_GATHER_SECONDS / 3)

    def _take(self, photo_id: str) -> bool:
        with self._lock:
            if photo_id in self._under_way or self._set_aside.get(photo_id, 0.0) > time.monotonic():
                return False
            self._under_way.add(photo_id)
            return True

    def _drop(self, batch: list[str]) -> list[str]:
        with self._lock:
            self._under_way.difference_update(batch)
        return []

    def _send(self, space_id: str, batch: list[str]) -> list[str]:
        while not self._stop.is_set():
            try:
                self._batches.put((space_id, batch), timeout=_STOP_CHECK_SECONDS)
            except queue.Full:
                continue
            return []
        return self._drop(batch)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                space_id, batch = self._batches.get(timeout=_STOP_CHECK_SECONDS)
            except queue.Empty:
                continue
            try:
                self._embed(space_id, batch)
                if self._gate.has_failed:
                    self._gate.succeeded()
            except Exception as error:  # noqa: BLE001 - the photos stay pending
                self._failed(error)
            finally:
                self._drop(batch)
                self._wake.set()

    def _failed(self, error: Exception) -> None:
        text = error.text if isinstance(error, SoutuError) else _FAILED
        if self._gate.failed(text):
            _logger.warning("embedding cannot go on now: %s", text.en, exc_info=None if isinstance(error, SoutuError) else error)

    def _embed(self, space_id: str, batch: list[str]) -> None:
        with STAGE_SECONDS.labels("fetch").time():
            images = {photo_id: image for photo_id in batch if (image := self._thumbnail(photo_id)) is not None}
        if not images:
            return
        with STAGE_SECONDS.labels("embed").time():
            outcomes = dict(zip(images, self._link.embed_bulk(list(images.values())), strict=True))
        embedded = {photo_id: outcome for photo_id, outcome in outcomes.items() if isinstance(outcome, Embedded)}
        with STAGE_SECONDS.labels("store").time():
            if embedded:
                vectors = np.stack([outcome.vector for outcome in embedded.values()])
                self._on_stored(space_id, self._catalog.embeddings.put(space_id, list(embedded), vectors))
                self._settle(embedded)
            for photo_id, outcome in outcomes.items():
                if isinstance(outcome, NotEmbedded):
                    _logger.warning("the model refused photo %s: %s", photo_id, outcome.message)
                    self._catalog.ingest.mark_unreadable([photo_id], UnreadableReason.MODEL_FAILED)
                    self._settle([photo_id])
                elif isinstance(outcome, Malformed):
                    _logger.warning("photo %s got no embedding: %s; it is tried again later", photo_id, outcome.message)
                    self._defer(photo_id)

    def _defer(self, photo_id: str) -> None:
        with self._lock:
            self._set_aside[photo_id] = time.monotonic() + _SET_ASIDE_SECONDS

    def _settle(self, photo_ids: Collection[str]) -> None:
        if self._set_aside:
            with self._lock:
                for photo_id in photo_ids:
                    self._set_aside.pop(photo_id, None)

    def _thumbnail(self, photo_id: str) -> bytes | None:
        image = self._rendered.take(photo_id) or self._buckets.thumbnails.get(photo_id)
        if image is not None:
            return image
        try:
            image = self._originals.render(photo_id)
        except Unreadable as unreadable:
            self._catalog.ingest.mark_unreadable([photo_id], unreadable.reason)
            self._settle([photo_id])
            return None
        except MemoryError:
            self._defer(photo_id)
            _logger.warning("too little memory to read photo %s now; it is tried again later", photo_id)
            return None
        except NotFound:
            self._defer(photo_id)
            _logger.warning("photo %s has neither a thumbnail nor an original now; it is tried again later", photo_id)
            return None
        self._buckets.thumbnails.put(photo_id, image)
        return image


_SET_ASIDE_SECONDS = 600.0
_FAILED = Text(zh="向量写入失败，会自动重试，详情见服务日志", en="embeddings cannot be written; it is tried again, see the log")
