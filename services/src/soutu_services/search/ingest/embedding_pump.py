"""Embeds the photos that the catalog says lack an embedding, in each of the spaces that are to be filled."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from soutu_services.runtime.errors import NotFound, SoutuError
from soutu_services.runtime.language import Text
from soutu_services.runtime.request_ids import new_request_id, working_on
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog
from soutu_services.search.decoding.answers import DecoderFault
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.embedding_model import Embedded, Malformed, NotEmbedded
from soutu_services.search.imaging import Unreadable
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.fill_lane import FillLane, SpaceToFill
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.metrics import STAGE_SECONDS
from soutu_services.search.model import FloatArray
from soutu_services.search.originals import Originals
from soutu_services.search.settings import IngestSettings

__all__ = ["EmbeddingPump"]

_logger = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_GATHER_SECONDS = 0.03
_STOP_CHECK_SECONDS = 0.2
_NOTHING = Text(zh="", en="")
_FAILED = Text(zh="向量写入失败，会自动重试，详情见服务日志", en="embeddings cannot be written; it is tried again, see the log")


class EmbeddingPump:
    """Sends thumbnails in batches, several at a time, to the embedding service, and records what comes back.

    Of several spaces the first that lacks photos comes first, batch by batch, and one in the background never takes the last
    place: new photos do not wait for a re-index. Nothing is kept in memory but what is under way: whatever happens, the catalog
    still says which photos lack an embedding.

    Args:
        catalog: The catalog.
        buckets: Where the thumbnails are.
        originals: Where a lost thumbnail is made again from.
        link: The embedding service.
        settings: Width of the pump.
        spaces: Tells which spaces are to be filled now, the most urgent first.
        rendered: Thumbnails that were made just now, by photo id.
        put: Stores embeddings of photos, by the name of their space, where they are searched; the times of videos' frames follow.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        originals: Originals,
        link: EmbeddingLink,
        settings: IngestSettings,
        *,
        spaces: Callable[[], Sequence[SpaceToFill]],
        rendered: ByteCache,
        put: Callable[[str, Sequence[str], FloatArray, Sequence[int]], object],
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._originals = originals
        self._link = link
        self._settings = settings
        self._spaces = spaces
        self._rendered = rendered
        self._put = put
        self._lanes: dict[str, FillLane] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._batches: queue.Queue[tuple[FillLane, list[str]]] = queue.Queue(1)
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
        for lane in self._all_lanes():
            lane.rouse()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Photos that are under way; one that is under way to two spaces counts twice."""
        return sum(lane.waiting for lane in self._all_lanes())

    def passed_over(self, space_id: str) -> Collection[str]:
        """Photos that cannot be embedded into a space now though others can; each is tried again by itself, seldom."""
        with self._lock:
            lane = self._lanes.get(space_id)
        return lane.passed_over if lane else frozenset()

    def problem(self, space_id: str) -> Text:
        """What keeps thumbnails or a space's embeddings from being read or written now; empty if nothing does."""
        with self._lock:
            lane = self._lanes.get(space_id)
        return lane.gate.problem if lane else _NOTHING

    def _all_lanes(self) -> list[FillLane]:
        with self._lock:
            return list(self._lanes.values())

    def _feed(self) -> None:
        while not self._stop.is_set():
            try:
                lanes = self._current_lanes()
            except Exception:
                _logger.exception("the spaces to fill could not be looked up; it is tried again")
                self._pause(_AGAIN_SECONDS)
                continue
            if not any(self._advance(lane) for lane in lanes):  # after each batch, the first one again
                self._pause(min((lane.seconds_left() or _IDLE_SECONDS for lane in lanes), default=_IDLE_SECONDS))

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()
        self._stop.wait(_GATHER_SECONDS / 3)

    def _current_lanes(self) -> list[FillLane]:
        wanted = self._spaces()
        with self._lock:
            left = [self._lanes.pop(space_id) for space_id in set(self._lanes) - {space.space_id for space in wanted}]
            lanes = []
            for space in wanted:
                if space.space_id not in self._lanes:
                    self._lanes[space.space_id] = FillLane(space.space_id, self._gate())
                lanes.append(self._lanes[space.space_id])
                lanes[-1].in_background = space.in_background
        for lane in left:
            lane.abandon()
        return lanes

    def _gate(self) -> Gate:
        return Gate(first_seconds=self._settings.retry_first_seconds, most_seconds=self._settings.retry_most_seconds)

    def _advance(self, lane: FillLane) -> bool:
        """Send a space's next batch; return whether there may be more to do at once."""
        model = self._link.model(lane.space_id)
        if model is None or not lane.gate.is_open:
            lane.abandon()
            return False
        if not lane.is_open or (lane.in_background and lane.batches >= max(1, self._settings.batches_in_flight - 1)):
            return False
        most = min(self._settings.batch_photos, model.batch_items)
        began = time.monotonic()
        lane.look()
        while not self._stop.is_set():
            try:
                rows = self._catalog.embeddings.pending(lane.space_id, most, after_id=lane.after)
            except Exception as error:  # noqa: BLE001 - the pump must outlive whatever the disk does
                self._failed(lane, error)
                return False
            for position, photo_id in rows:
                lane.after = position
                lane.take(photo_id)
                if len(lane.batch) >= most:
                    self._send(lane)
                    return True
            if len(rows) < most:
                break
        lane.after = 0
        if not lane.batch:
            lane.rest(time.monotonic() - began)
            return False
        if self._wake.wait(_GATHER_SECONDS):  # more is coming
            self._wake.clear()
        else:
            self._send(lane)
        return True

    def _send(self, lane: FillLane) -> None:
        batch = lane.hand_over()
        while not self._stop.is_set():
            try:
                self._batches.put((lane, batch), timeout=_STOP_CHECK_SECONDS)
            except queue.Full:
                continue
            return

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                lane, batch = self._batches.get(timeout=_STOP_CHECK_SECONDS)
            except queue.Empty:
                continue
            with working_on(new_request_id()):  # the lines of both services about this batch can be found together
                self._try(lane, batch)

    def _try(self, lane: FillLane, batch: list[str]) -> None:
        try:
            self._embed(lane, batch)
            if lane.gate.has_failed:
                lane.gate.succeeded()
        except Exception as error:  # noqa: BLE001 - the photos stay pending
            self._failed(lane, error)
        finally:
            lane.done(batch)
            self._wake.set()

    def _failed(self, lane: FillLane, error: Exception) -> None:
        text = error.text if isinstance(error, SoutuError) else _FAILED
        if lane.gate.failed(text):
            _logger.warning("embedding cannot go on now: %s", text.en, exc_info=None if isinstance(error, SoutuError) else error)

    def _embed(self, lane: FillLane, batch: list[str]) -> None:
        with STAGE_SECONDS.labels("fetch").time():
            videos = self._catalog.embeddings.videos(batch)
            images = {
                (photo_id, time_ms): image
                for photo_id in batch
                for time_ms, image in self._images(lane, photo_id, is_video=photo_id in videos).items()
            }
        if not images:
            return
        with STAGE_SECONDS.labels("embed").time():
            outcomes = dict(zip(images, self._embedded(lane, list(images.values())), strict=True))
        of_photo: dict[str, dict[int, Embedded | NotEmbedded | Malformed]] = {}
        for (photo_id, time_ms), outcome in outcomes.items():
            of_photo.setdefault(photo_id, {})[time_ms] = outcome
        with STAGE_SECONDS.labels("store").time():
            self._store(lane, of_photo)

    def _embedded(self, lane: FillLane, images: list[bytes]) -> list[Embedded | NotEmbedded | Malformed]:
        """Embed images, in requests of as many as a batch has photos: a video brings several."""
        most = self._settings.batch_photos
        model = self._link.model(lane.space_id)
        if model is not None:
            most = min(most, model.batch_items)
        requests = [images[begin : begin + most] for begin in range(0, len(images), most)]
        return [outcome for some in requests for outcome in self._link.embed_bulk(some, space_id=lane.space_id)]

    def _store(self, lane: FillLane, of_photo: Mapping[str, Mapping[int, Embedded | NotEmbedded | Malformed]]) -> None:
        """Store what came back. A video is embedded by the frames that the model took, all at once, or not at all."""
        rows: list[tuple[str, int, FloatArray]] = []
        for photo_id, outcomes in of_photo.items():
            malformed = next((one for one in outcomes.values() if isinstance(one, Malformed)), None)
            embedded = [(photo_id, at, one.vector) for at, one in outcomes.items() if isinstance(one, Embedded)]
            if malformed is not None:
                _logger.warning("photo %s got no embedding: %s; it is tried again later", photo_id, malformed.message)
                lane.set_aside(photo_id)
            elif embedded:
                rows += embedded
            else:
                refused = next(one for one in outcomes.values() if isinstance(one, NotEmbedded))
                _logger.warning("the model refused photo %s: %s", photo_id, refused.message)
                self._catalog.fillings.refuse(lane.space_id, [photo_id])
                lane.settle([photo_id])
        if rows:
            photo_ids = [photo_id for photo_id, _, _ in rows]
            self._put(lane.space_id, photo_ids, np.stack([vector for _, _, vector in rows]), [at for _, at, _ in rows])
            lane.settle(photo_ids)

    def _images(self, lane: FillLane, photo_id: str, *, is_video: bool) -> Mapping[int, bytes]:
        """Get what stands for a photo, by time: its thumbnail, or a video's frames; nothing if that cannot be had now."""
        if is_video:
            frames = self._buckets.thumbnails.frames(photo_id)
            if frames is not None:
                return frames
        else:
            image = self._rendered.take(photo_id) or self._buckets.thumbnails.get(photo_id)
            if image is not None:
                return {0: image}
        try:
            reading = self._originals.make_again(photo_id)
        except Unreadable as unreadable:
            self._unreadable(lane, photo_id, unreadable)
            return {}
        except DecoderFault as fault:
            lane.set_aside(photo_id)
            _logger.warning("photo %s cannot be read now: %s; it is tried again later", photo_id, fault)
            return {}
        except NotFound:
            lane.set_aside(photo_id)
            _logger.warning("photo %s has neither a thumbnail nor an original now; it is tried again later", photo_id)
            return {}
        return {frame.time_ms: frame.image for frame in reading.frames} or {0: reading.thumbnail}

    def _unreadable(self, lane: FillLane, photo_id: str, unreadable: Unreadable) -> None:
        serving = self._catalog.embeddings.serving_space()
        if serving is not None and serving.space_id == lane.space_id:
            self._catalog.ingest.mark_unreadable([photo_id], unreadable.reason)
        else:  # where it is embedded it stays as it is
            self._catalog.fillings.refuse(lane.space_id, [photo_id])
        lane.settle([photo_id])
