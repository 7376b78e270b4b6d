"""Makes the index anew, in the background, when the library grew or shrank so much that its policy asks for it."""

from __future__ import annotations

import logging

from soutu_services.runtime.errors import SoutuError
from soutu_services.search.background_thread import BackgroundThread
from soutu_services.search.index import BadBase, BuildStopped
from soutu_services.search.library_index import LibraryIndex

__all__ = ["IndexRebuilder"]

_logger = logging.getLogger(__name__)

_MOST_SECONDS = 600.0


class IndexRebuilder:
    """Looks again and again whether the index is due, and makes it anew then; queries and changes go on meanwhile.

    Args:
        index: The index.
        interval_seconds: Time between two looks; after a failure it doubles, up to ten minutes.
    """

    def __init__(self, index: LibraryIndex, *, interval_seconds: float) -> None:
        self._index = index
        self._interval_seconds = interval_seconds
        self._thread = BackgroundThread(self._run, name="index-rebuild")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End the thread if it was started, and wait so long for it. What it was making is dropped."""
        self._thread.stop(seconds)

    def _run(self) -> None:
        wait = self._interval_seconds
        while not self._thread.wait(wait):
            wait = self._interval_seconds if self._look() else min(2 * wait, max(_MOST_SECONDS, self._interval_seconds))

    def _look(self) -> bool:
        """Make it anew if it is due; tell whether nothing failed."""
        if not self._index.is_due:
            return True
        try:
            self._index.rebuild(is_stopped=self._thread.is_stopping)
            self._index.save()
        except BuildStopped:
            return True
        except (OSError, BadBase, SoutuError) as error:
            _logger.warning("the index cannot be made anew, so searching is slower than it could be: %s", error)
        except Exception:  # the thread must not end over what is tried again
            _logger.exception("the index cannot be made anew, so searching is slower than it could be")
        else:
            return True
        return False
