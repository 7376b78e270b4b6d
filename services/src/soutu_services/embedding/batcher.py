"""Dynamic batching for one tower: a queue, one thread for its forward passes, and what to do when one fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from soutu_services.embedding.batch_queue import BatchQueue, Item
from soutu_services.embedding.encoder import FloatArray, ItemProblem, ItemRefused
from soutu_services.embedding.metrics import BATCH_ITEMS, FORWARD_SECONDS, ITEMS, QUEUE_ITEMS
from soutu_services.embedding.ticket import Outcome, Priority, Ticket
from soutu_services.runtime.errors import Unavailable

__all__ = ["BatchSettings", "Batcher", "ModelBrokenError"]

_FIRST_BATCH = 4
_PACE_WEIGHT = 0.3
_JOIN_SECONDS = 60.0
_logger = logging.getLogger(__name__)


class BatchSettings(BaseModel):
    """How items are gathered into forward passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batch: int = Field(32, ge=1, description="Most items in one forward pass.")
    batch_wait_milliseconds: float = Field(5.0, ge=0, le=1000, description="Longest wait for a bulk batch to fill.")
    bulk_pass_milliseconds: float = Field(
        200.0, gt=0, description="Batches, of people too, are cut so that a pass takes so long."
    )
    queue_items: int = Field(512, ge=1, description="Items that may wait at each tower, of each priority.")


class ModelBrokenError(Exception):
    """A model does not embed even what it should."""


class Batcher:
    """Owns the thread in which a tower runs.

    An interactive item waits for one bulk pass at most, and a pass is cut to ``bulk_pass_milliseconds`` by the pace of those
    before it, so that the same settings suit a small CPU and a large GPU. That holds for what people wait for too, by a pace of
    its own: where a few items fill the processor, a pass over more makes the first of them wait for the last, and nobody wins.
    """

    def __init__(
        self,
        forward: Callable[[Sequence[Any]], FloatArray],
        *,
        dimension: int,
        probe: Any,
        settings: BatchSettings,
        model: str,
        tower: str,
    ) -> None:
        """Try the tower on the probe, then start its thread.

        Args:
            forward: Embeds prepared items: float32, shape (items, dimension).
            dimension: Length of an embedding.
            probe: A prepared item that a working tower embeds; it tells a bad item from a broken tower.
            settings: Sizes and times.
            model: Name of the model, for metrics and logs.
            tower: Name of the tower, for the same.

        Raises:
            ModelBrokenError: the probe gave no finite vector of the right length.
        """
        self._forward = forward
        self._dimension = dimension
        self._probe = probe
        self._settings = settings
        self._labels = (model, tower)
        self._seconds_per_item: dict[Priority, float] = {}
        try:
            vectors = self._run([probe])
        except Exception as error:
            raise ModelBrokenError(f"{model}/{tower}: {error!r}") from error
        if not np.isfinite(vectors).all():
            raise ModelBrokenError(f"{model}/{tower}: the vector of the probe is not finite")
        self._queue = BatchQueue(
            settings.queue_items,
            on_depth=lambda priority, depth: QUEUE_ITEMS.labels(*self._labels, priority.value).set(depth),
            on_drop=lambda: self._count("dropped"),
        )
        self._thread = threading.Thread(target=self._work, name=f"forward-{model}-{tower}", daemon=True)
        self._thread.start()

    def embed(self, ticket: Ticket, raw: Sequence[Any], prepare: Callable[[Any], Any]) -> Sequence[Outcome]:
        """Prepare the items of a call in this thread while the tower works on those that are ready, and wait for all.

        Args:
            ticket: The call, with as many items as ``raw``.
            raw: What the caller sent.
            prepare: Turns one of it into the tower's input, or raises ``ItemRefused``.

        Returns:
            As many outcomes as items, in their order.

        Raises:
            Overloaded: the queue has not room for all; none is done.
            DeadlinePassed: the call's deadline passed, or it was cancelled.
            Unavailable: the service stops or the model is broken.
        """
        self._queue.reserve(ticket)
        unprepared = ticket.items
        try:
            for index, one in enumerate(raw):
                if ticket.is_over:
                    break
                prepared = self._prepare(ticket, index, one, prepare)
                unprepared -= 1
                if prepared is None:
                    self._queue.give_back(ticket, 1)
                else:
                    self._queue.put(Item(ticket, index, prepared))
        finally:
            if unprepared:
                self._queue.give_back(ticket, unprepared)
                self._count("dropped", unprepared)
        return ticket.wait()

    def close(self) -> None:
        """Fail the calls that wait, let the running pass end, and join the thread."""
        self._queue.close()
        self._thread.join(_JOIN_SECONDS)
        if self._thread.is_alive():
            _logger.error("%s/%s: a forward pass does not end", *self._labels)

    def _prepare(self, ticket: Ticket, index: int, one: Any, prepare: Callable[[Any], Any]) -> Any | None:
        """Return the prepared item; None when it is refused, and settled so."""
        try:
            return prepare(one)
        except ItemRefused as refused:
            self._count("refused")
            ticket.settle(index, refused)
        except Exception:
            _logger.exception("%s/%s: an item cannot be prepared", *self._labels)
            self._count("failed")
            ticket.settle(index, _model_failed())
        return None

    def _work(self) -> None:
        while True:
            taken = self._queue.take(self._most, self._settings.batch_wait_milliseconds / 1000)
            if taken is None:
                return
            priority, batch = taken
            begun = time.perf_counter()
            try:
                vectors = self._run([item.prepared for item in batch])
            except Exception:
                _logger.exception("%s/%s: a pass over %d items failed; trying them one by one", *self._labels, len(batch))
                self._one_by_one(batch)
                continue
            seconds = time.perf_counter() - begun
            BATCH_ITEMS.labels(*self._labels, priority.value).observe(len(batch))
            FORWARD_SECONDS.labels(*self._labels, priority.value).observe(seconds)
            self._learn_pace(priority, seconds / len(batch))
            for item, vector in zip(batch, vectors, strict=True):
                self._settle(item, vector)

    def _most(self, priority: Priority) -> int:
        pace = self._seconds_per_item.get(priority)
        if pace is None:
            return min(_FIRST_BATCH, self._settings.max_batch)
        fitting = int(self._settings.bulk_pass_milliseconds / 1000 / pace)
        return max(1, min(fitting, self._settings.max_batch))

    def _learn_pace(self, priority: Priority, seconds_per_item: float) -> None:
        now = max(seconds_per_item, 1e-6)
        before = self._seconds_per_item.get(priority, now)
        self._seconds_per_item[priority] = before + _PACE_WEIGHT * (now - before)

    def _one_by_one(self, batch: Sequence[Item]) -> None:
        """Find the items that fail a pass; when even the probe fails, the model is broken and no item is to blame."""
        for item in batch:
            if item.ticket.is_over:
                self._count("dropped")
                continue
            try:
                vector = self._run([item.prepared])[0]
            except Exception as error:  # noqa: BLE001 - whatever a model raises, its neighbours go on
                of_request = {"request_id": item.ticket.request_id}
                _logger.warning("%s/%s: one item fails: %r", *self._labels, error, extra=of_request)
                self._blame(item)
            else:
                self._settle(item, vector)

    def _blame(self, item: Item) -> None:
        self._count("failed")
        try:
            self._run([self._probe])
        except Exception:
            _logger.exception("%s/%s: the model is broken; restart the service if it stays so", *self._labels)
            item.ticket.fail(
                Unavailable(
                    "MODEL_BROKEN",
                    zh="模型运行出错（不是这些内容的问题）。请重启向量服务，并查看它的日志。",
                    en="The model fails, whatever it is given. Restart the embedding service and read its log.",
                )
            )
        else:
            item.ticket.settle(item.index, _model_failed())

    def _settle(self, item: Item, vector: FloatArray) -> None:
        if np.isfinite(vector).all():
            self._count("embedded")
            item.ticket.settle(item.index, vector)
        else:
            self._count("failed")
            item.ticket.settle(item.index, _model_failed())

    def _run(self, prepared: Sequence[Any]) -> FloatArray:
        vectors = np.asarray(self._forward(prepared), dtype=np.float32)
        if vectors.shape != (len(prepared), self._dimension):
            raise ValueError(f"the model gave shape {vectors.shape} for {len(prepared)} items")
        return vectors

    def _count(self, outcome: str, items: int = 1) -> None:
        ITEMS.labels(*self._labels, outcome).inc(items)


def _model_failed() -> ItemRefused:
    return ItemRefused(
        ItemProblem.MODEL_FAILED,
        zh="模型没有给出有效的向量。",
        en="The model gave no finite vector for this item.",
    )
