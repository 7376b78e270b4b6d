"""Writes the index's snapshot from time to time, and at the end."""

from __future__ import annotations

import logging

from soutu_services.runtime.errors import SoutuError
from soutu_services.search.background_thread import BackgroundThread
from soutu_services.search.library_index import LibraryIndex

__all__ = ["SnapshotKeeper"]

_logger = logging.getLogger(__name__)


class SnapshotKeeper:
    """Keeps the snapshot near enough to the index that a start need not make it anew.

    What the snapshot lacks is read from the catalog at a start, so that it is written only when that is a fair share of it.

    Args:
        index: The index.
        interval_seconds: Time between two looks; 0: it is written at the end alone.
        changed_share: Share of the index that has to have changed.
    """

    def __init__(self, index: LibraryIndex, *, interval_seconds: float, changed_share: float) -> None:
        self._index = index
        self._interval_seconds = interval_seconds
        self._changed_share = changed_share
        self._thread = BackgroundThread(self._run, name="index-snapshot")

    def start(self) -> None:
        """Begin."""
        if self._interval_seconds:
            self._thread.start()

    def stop(self, seconds: float) -> None:
        """End the thread if it was started, wait so long for it, and write what the snapshot lacks."""
        self._thread.stop(seconds)
        self._save(least=1)

    def _run(self) -> None:
        while not self._thread.wait(self._interval_seconds):
            self._save(least=max(1, int(self._changed_share * self._index.summary[1])))

    def _save(self, *, least: int) -> None:
        if self._index.unsaved < least:
            return
        try:
            self._index.save()
        except (OSError, SoutuError) as error:
            _logger.warning("the index's snapshot cannot be written; the next start makes the index anew: %s", error)
        except Exception:  # neither the thread nor the service's end must fail over what can be made again
            _logger.exception("the index's snapshot cannot be written; the next start makes the index anew")
