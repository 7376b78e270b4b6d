"""Which photo comes next."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from soutu_client.frame.slide import Slide

__all__ = ["Rotation"]

_MOST_REMEMBERED = 50


class Rotation:
    """Goes round through slides: the first time in their order, best first, from then on mixed. Remembers what was shown."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._slides: list[Slide] = []
        self._next = 0
        self._shown: list[Slide] = []
        self._place = -1

    @property
    def slide(self) -> Slide | None:
        """What is shown."""
        return self._shown[self._place] if self._shown else None

    def take(self, slides: Sequence[Slide], *, is_same_query: bool) -> None:
        """Go on with other slides. The same photos, asked for again, do not begin anew."""
        fresh = {each.photo_id: each for each in slides}
        if not is_same_query:
            del self._shown[self._place + 1 :]
        self._shown = [fresh.get(each.photo_id, each) for each in self._shown]
        if is_same_query and fresh.keys() == {each.photo_id for each in self._slides}:
            self._slides = [fresh[each.photo_id] for each in self._slides]
        else:
            self._slides, self._next = list(slides), 0

    def after(self, is_there: Callable[[Slide], bool]) -> Slide | None:
        """Return the slide after the one that is shown, whose picture is there; None: there is no other."""
        if self._place + 1 < len(self._shown) and is_there(self._shown[self._place + 1]):
            return self._shown[self._place + 1]
        current = self.slide
        for step in range(len(self._slides)):
            slide = self._slides[(self._next + step) % len(self._slides)]
            if is_there(slide) and (current is None or slide.photo_id != current.photo_id):
                return slide
        return None

    def before(self) -> Slide | None:
        """Return the slide that was shown before; None: there is none."""
        return self._shown[self._place - 1] if self._place > 0 else None

    def show(self, slide: Slide) -> None:
        """Note that a slide is shown: the one after, or the one before."""
        photo_id = slide.photo_id
        if self._place > 0 and self._shown[self._place - 1].photo_id == photo_id:
            self._place -= 1
        elif self._place + 1 < len(self._shown) and self._shown[self._place + 1].photo_id == photo_id:
            self._place += 1
        else:
            self._shown = [*self._shown[: self._place + 1], slide][-_MOST_REMEMBERED:]
            self._place = len(self._shown) - 1
            self._pass(photo_id)

    def change(self, slide: Slide) -> None:
        """Take what has changed about a photo."""
        for slides in (self._slides, self._shown):
            slides[:] = [slide if each.photo_id == slide.photo_id else each for each in slides]

    def upcoming(self, count: int) -> list[Slide]:
        """Return what comes next, most soon first; at the end of a round, what is at its beginning."""
        return (self._slides[self._next :] + self._slides[: self._next])[:count]

    def _pass(self, photo_id: str) -> None:
        """Go on behind a photo; at the end of a round, mix."""
        places = [place for place, each in enumerate(self._slides) if each.photo_id == photo_id]
        if not places:
            return
        self._next = places[0] + 1
        if self._next == len(self._slides):
            last = self._slides[-1]
            self._chance.shuffle(self._slides)
            if self._slides[0] is last:
                self._slides.append(self._slides.pop(0))
            self._next = 0
