"""The next picture, decoded and as large as the screen before it is needed, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from soutu_client.frame.picture_cache import PictureCache
from soutu_client.frame.slide import Slide

__all__ = ["PicturesAhead"]

Picture = TypeVar("Picture")


class PicturesAhead(Generic[Picture]):
    """At most one picture is ahead: each takes as much memory as the screen.

    Args:
        cache: Where encoded pictures are.
        fit: Makes a picture of the screen's size of an encoded one; ``ValueError``: it is none.
        on_ready: Called in the thread.
    """

    def __init__(self, cache: PictureCache, fit: Callable[[bytes], Picture], on_ready: Callable[[], None]) -> None:
        self._cache, self._fit, self._on_ready = cache, fit, on_ready
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._slide: Slide | None = None
        self._future: Future[Picture | None] | None = None

    @property
    def slide(self) -> Slide | None:
        """What is ahead, ready or not."""
        return self._slide

    def prepare(self, slide: Slide) -> None:
        """Begin with a picture in place of the one that was ahead."""
        self.forget()
        self._slide = slide
        self._future = self._thread.submit(self._made, slide.photo_id)
        self._future.add_done_callback(lambda _: self._on_ready())

    @property
    def is_ready(self) -> bool:
        """Whether ``take`` returns at once."""
        return self._future is not None and self._future.done()

    def take(self) -> Picture | None:
        """Return the picture that is ahead, which is ahead no more; None: it cannot be read."""
        future, self._future, self._slide = self._future, None, None
        return future.result() if future is not None else None

    def forget(self) -> None:
        """Have none ahead."""
        if self._future is not None:
            self._future.cancel()
        self._future, self._slide = None, None

    def close(self) -> None:
        """End the thread."""
        self.forget()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _made(self, photo_id: str) -> Picture | None:
        kept = self._cache.read(photo_id)
        if kept is None:
            return None
        try:
            return self._fit(kept.image)
        except ValueError:
            return None
