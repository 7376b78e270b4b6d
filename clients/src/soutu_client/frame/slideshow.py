"""The pictures, one after another: which is shown, since when, and the next one made ready meanwhile."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import replace

from soutu_client.frame.display.window import Picture
from soutu_client.frame.picture_cache import PictureCache
from soutu_client.frame.pictures_ahead import PicturesAhead
from soutu_client.frame.rotation import Rotation
from soutu_client.frame.slide import Slide
from soutu_client.frame.supply import Supplied, Supply

__all__ = ["Slideshow"]

_log = logging.getLogger(__name__)
_AHEAD, _AHEAD_WITHOUT_DISK = 20, 3
_LOOK_SECONDS = 0.25
"""How often it is looked whether a picture has come, while there is none."""


class Slideshow:
    """To be used in one thread.

    Args:
        supply: Where photos come from.
        cache: Where pictures are.
        fit: Makes a picture of the screen's size.
        interval_seconds: How long a picture is shown.
        fade_seconds: How long it takes to appear.
        wake: Called when a picture is ready.
        clock: Seconds.
    """

    def __init__(
        self,
        supply: Supply,
        cache: PictureCache,
        fit: Callable[[bytes], Picture],
        *,
        interval_seconds: float,
        fade_seconds: float,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._supply, self._cache, self._clock = supply, cache, clock
        self._interval, self._fade = interval_seconds, fade_seconds
        self._rotation = Rotation(random.Random())  # noqa: S311 - which photo comes next is no secret
        self._ahead = PicturesAhead(cache, fit, wake)
        self._state: Supplied | None = None
        self.picture: Picture | None = None
        self.picture_before: Picture | None = None
        self.is_paused = False
        self.pictures_shown = 0
        self._begin = self._due = self._look = 0.0
        self._is_fading = False

    @property
    def slide(self) -> Slide | None:
        """The photo that is shown."""
        return self._rotation.slide if self.picture is not None else None

    @property
    def share(self) -> float:
        """How much of the picture has appeared: 0 to 1."""
        if not self._is_fading:
            return 1.0
        return min(1.0, (self._clock() - self._begin) / self._fade)

    def take(self, state: Supplied) -> None:
        """Go on with what is supplied now; at once, if it is another query's."""
        before, self._state = self._state, state
        is_same = before is not None and before.query == state.query
        if before is not None and is_same and before.slides == state.slides:
            return
        self._rotation.take(state.slides, is_same_query=is_same)
        self._look = 0.0
        there = {each.photo_id for each in state.slides}
        if not is_same:
            self.is_paused = False
            self._due = 0.0
        if self._ahead.slide is not None and (not is_same or self._ahead.slide.photo_id not in there):
            self._ahead.forget()

    def turn(self) -> bool:
        """Show the next picture if it is time, and say whether anything on the screen is another."""
        now = self._clock()
        if self._is_fading and self.share >= 1.0:
            self._is_fading, self.picture_before = False, None
            return True
        if self._is_fading:
            return True
        if self._ahead.slide is None and now >= self._look:
            self._look = now + _LOOK_SECONDS
            self._supply.want(self._rotation.upcoming(_AHEAD if self._cache.is_on_disk else _AHEAD_WITHOUT_DISK))
            slide = self._rotation.after(lambda each: each.photo_id in self._cache)
            if slide is not None:
                self._ahead.prepare(slide)
        is_due = now >= self._due and (not self.is_paused or self._due == 0.0)
        if not (is_due and self._ahead.is_ready):
            return False
        slide, picture = self._ahead.slide, self._ahead.take()
        if slide is None:
            return False
        if picture is None:
            self._supply.lose(slide.photo_id)
            self._look = 0.0
            return False
        self._rotation.show(slide)
        self.picture_before, self.picture = self.picture, picture
        self._begin, self._is_fading = now, self._fade > 0
        if not self._is_fading:
            self.picture_before = None
        self._due = now + self._fade + self._interval
        self._look = 0.0
        self.pictures_shown += 1
        _log.debug("shown %s", slide.photo_id)
        return True

    def forward(self) -> None:
        """Show the next picture as soon as it is ready."""
        self._due = 0.0

    def backward(self) -> None:
        """Show the picture before."""
        slide = self._rotation.before()
        if slide is not None:
            self._ahead.prepare(slide)
            self._due = 0.0

    def pause(self) -> None:
        """Stay with this picture, or go on."""
        self.is_paused = not self.is_paused
        self._due = self._clock() + self._interval

    def like(self) -> None:
        """Make the photo a favourite, or no longer."""
        slide = self.slide
        if slide is not None:
            changed = replace(slide, favourite=not slide.favourite)
            self._rotation.change(changed)
            self._supply.like(changed, changed.favourite)

    def close(self) -> None:
        """End what runs."""
        self._ahead.close()
