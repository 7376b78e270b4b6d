"""What has to be done now and then, without anybody asking."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.background_thread import BackgroundThread
from soutu_services.search.buckets import Buckets
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.objects import BucketMissing

__all__ = ["Housekeeper"]

_logger = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_AGAIN_SECONDS = 15.0
_MOVES_SECONDS = 60.0
_RETURNED_SECONDS = 15.0


class Housekeeper:
    """Makes the buckets, finishes moves that were interrupted and starts the periodic syncs.

    Args:
        buckets: The buckets.
        gate: How it backs off from a store that does not answer.
        finish_restore: Does what is left to do after a restore, if anything is.
        finish_moves: Finishes moves of deleted photos.
        start_sync: Starts a periodic sync.
        sync_returned: Starts a sync of the sources that were away and are back.
        sync_seconds: Time between two periodic syncs; 0: none, nor any of sources that are back.
    """

    def __init__(
        self,
        buckets: Buckets,
        gate: Gate,
        *,
        finish_restore: Callable[[], None],
        finish_moves: Callable[[], None],
        start_sync: Callable[[], None],
        sync_returned: Callable[[], None],
        sync_seconds: float,
    ) -> None:
        self._buckets = buckets
        self._gate = gate
        self._finish_restore = finish_restore
        self._finish_moves = finish_moves
        self._start_sync = start_sync
        self._sync_returned = sync_returned
        self._sync_seconds = sync_seconds
        self._has_buckets = False
        self._due = {"sync": 0.0, "returned": 0.0, "moves": 0.0}
        self._thread = BackgroundThread(self._run, name="housekeeper")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End the thread if it was started; wait so long for it."""
        self._thread.stop(seconds)

    @property
    def problem(self) -> Text:
        """Why the buckets cannot be used; empty if they can."""
        return self._gate.problem

    def _run(self) -> None:
        while not self._thread.is_stopping():
            try:
                self._tick()
            except SoutuError as error:
                if self._gate.failed(error.text):
                    _logger.warning("housekeeping waits: %s", error.text.en)
            except Exception:
                _logger.exception("housekeeping failed; it goes on")
                self._thread.wait(_AGAIN_SECONDS)
            self._thread.wait(_TICK_SECONDS)

    def _tick(self) -> None:
        if not self._gate.is_open:
            return
        if not self._has_buckets:
            self._make_buckets()
        self._finish_restore()
        if self._is_due("moves", _MOVES_SECONDS):
            self._finish_moves()
            self._gate.succeeded()
        self._sync_if_due()

    def _make_buckets(self) -> None:
        try:
            self._buckets.ensure()
        except BucketMissing:
            self._sync_if_due()  # the store answers: other sources are no worse for it
            raise
        self._has_buckets = True
        self._gate.succeeded()

    def _sync_if_due(self) -> None:
        if self._sync_seconds and self._is_due("returned", _RETURNED_SECONDS):
            self._sync_returned()
        if self._sync_seconds and self._is_due("sync", self._sync_seconds):
            self._start_sync()

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due[name]:
            return False
        self._due[name] = now + seconds
        return True
