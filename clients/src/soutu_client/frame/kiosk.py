"""The frame: what becomes of what a person does, and of what the service says."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from soutu_client._language import Language
from soutu_client.frame.actions import Action
from soutu_client.frame.display.painter import Area
from soutu_client.frame.display.window import Swipe, Tap, Window
from soutu_client.frame.phone_server import PhoneServer
from soutu_client.frame.phone_tokens import LIFE_SECONDS
from soutu_client.frame.query import RANDOM, ListKind, Query
from soutu_client.frame.screen import Screen, Shown, View
from soutu_client.frame.settings import FrameSettings
from soutu_client.frame.slideshow import Slideshow
from soutu_client.frame.supply import Supply
from soutu_client.frame.text_catalogue import say

__all__ = ["Kiosk"]

_FADING_SECONDS = 1 / 24
_IDLE_SECONDS = 0.05
"""How late a touch may be felt; a Pi's screen cannot be waited for without asking again and again."""
_BAR_SECONDS = 6.0
_NOTICE_SECONDS, _FIRST_NOTICE_SECONDS = 5.0, 60.0
_LIST_SECONDS = 60.0
_LIT_SECONDS = 60.0
_NOTHING_SECONDS = 12.0


@dataclass(frozen=True)
class _Wish:
    """A query that found nothing when it was asked."""

    query: Query
    asked: float
    day: date

    def is_due(self, now: float, today: date, seconds: float) -> bool:
        """Whether there may be something now."""
        return today != self.day or (self.query.kind is not ListKind.ON_THIS_DAY and now - self.asked >= seconds)


class Kiosk:
    """Everything that happens in the screen's thread. ``turn`` is called again and again; it does not wait.

    Args:
        window: The screen.
        screen: Draws on it.
        slideshow: The pictures.
        supply: Where they come from.
        settings: How they are shown.
        language: Of the texts.
        queries: What can be chosen.
        notice: Something to say at the beginning.
        phone: The page for phones; None: none is served.
        wake: Ends the wait before the next turn.
        service_host: Where the service is, to tell which network phones are in.
        clock: Seconds.
        now: The time of the day.
    """

    def __init__(
        self,
        *,
        window: Window,
        screen: Screen,
        slideshow: Slideshow,
        supply: Supply,
        settings: FrameSettings,
        language: Language,
        queries: Sequence[Query],
        notice: str = "",
        phone: PhoneServer | None = None,
        wake: Callable[[], None] = lambda: None,
        service_host: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._window, self._screen, self._slideshow, self._supply = window, screen, slideshow, supply
        self._settings, self._phone, self._service_host = settings, phone, service_host
        self._language: Language = language
        self._queries = tuple(queries)
        self._clock, self._wake = clock, wake
        self.now = now
        self._pressed: deque[Action] = deque(maxlen=20)
        self._state = supply.state
        self._slideshow.take(self._state)
        self._nothing_since: float | None = None
        self._wish: _Wish | None = None
        self._chosen = 0
        self.address = ""
        self._areas: list[Area] = []
        self._view_until = self._bar_until = self._lit_until = 0.0
        self._notice_until = clock() + _FIRST_NOTICE_SECONDS
        self._notice = notice
        self._are_lines_shown = True
        self._drawn: Shown | None = None
        self.view = View.PHOTO
        self.is_over = False

    def press(self, action: Action) -> None:
        """Note what was done, from any thread; the next turn does it."""
        self._pressed.append(action)
        self._wake()

    def turn(self) -> float:
        """Do what is to be done now, and return how many seconds nothing is, at most."""
        for gesture in self._window.gestures():
            self._feel(gesture)
        while self._pressed:
            self._do(self._pressed.popleft())
        self._take_news()
        is_dark = self._brightness == 0.0
        has_changed = not is_dark and self.view is View.PHOTO and self._slideshow.turn()
        if self.view is not View.PHOTO and self._clock() >= self._view_until:
            self._look(View.PHOTO)
        shown = self._shown()
        if has_changed or shown != self._drawn:
            self._areas = self._screen.draw(shown)
            self._drawn = shown
        return _FADING_SECONDS if shown.share < 1.0 else _IDLE_SECONDS

    def _shown(self) -> Shown:
        now, slideshow = self._clock(), self._slideshow
        return Shown(
            view=self.view,
            state=self._state,
            slide=slideshow.slide,
            picture=slideshow.picture,
            before=slideshow.picture_before,
            share=slideshow.share,
            show=self._settings.show if self._are_lines_shown else frozenset(),
            is_right=slideshow.pictures_shown % 2 == 0,
            is_paused=slideshow.is_paused,
            has_bar=now < self._bar_until,
            notice=self._notice if now < self._notice_until else "",
            titles=(*(each.title(self._language) for each in self._queries), say(self._language, "list.phone")),
            chosen=self._chosen,
            address=self.address,
            is_own_page=self.address != self._settings.page_url,
            brightness=self._brightness,
        )

    @property
    def _brightness(self) -> float:
        night = self._settings.night
        if night is None or self._clock() < self._lit_until or self.now().time() not in night:
            return 1.0
        return self._settings.night_brightness

    def _feel(self, gesture: Action | Tap | Swipe) -> None:
        if isinstance(gesture, Swipe):
            self._do(Action.NEXT if gesture.is_left else Action.PREVIOUS)
        elif isinstance(gesture, Tap):
            self.touch((gesture.x, gesture.y))
        else:
            self._do(gesture)

    def touch(self, point: tuple[int, int]) -> None:
        """Do what a touch of a place on the screen means."""
        is_dark = self._brightness < 1.0
        self._lit_until = self._clock() + _LIT_SECONDS
        meaning = next((area.meaning for area in self._areas if point in area), None)
        if isinstance(meaning, Action):
            self._bar_until = self._clock() + _BAR_SECONDS
            self._do(meaning)
        elif meaning is not None:
            self._chosen = meaning
            self._choose()
        elif self.view is not View.PHOTO:
            self._look(View.PHOTO)
        elif not is_dark:  # in the night, the first touch makes light
            self._bar_until = 0.0 if self._clock() < self._bar_until else self._clock() + _BAR_SECONDS

    def _do(self, action: Action) -> None:
        self._lit_until = self._clock() + _LIT_SECONDS
        if action is Action.QUIT:
            self.is_over = True
        elif self.view is View.CHOICES:
            self._move_in_list(action)
        elif self.view is View.PHONE:
            self._look(View.PHOTO)
        elif action is Action.SEARCH:
            self._chosen = 0
            self._look(View.CHOICES)
        elif action is Action.CAPTION:
            self._are_lines_shown = not self._are_lines_shown
        elif action is Action.PAUSE:
            self._slideshow.pause()
        elif action is Action.LIKE:
            self._slideshow.like()
        elif action is Action.NEXT:
            self._slideshow.forward()
        elif action is Action.PREVIOUS:
            self._slideshow.backward()

    def _move_in_list(self, action: Action) -> None:
        self._view_until = self._clock() + _LIST_SECONDS
        if action in (Action.NEXT, Action.LIKE):
            step = 1 if action is Action.NEXT else -1
            self._chosen = (self._chosen + step) % (len(self._queries) + 1)
        elif action is Action.PAUSE:
            self._choose()
        else:
            self._look(View.PHOTO)

    def _choose(self) -> None:
        if self._chosen >= len(self._queries):
            self._look(View.PHONE)
        else:
            self._look(View.PHOTO)
            self._wish = None
            self._supply.choose(self._queries[self._chosen])

    def _look(self, view: View) -> None:
        self.view = view
        self._bar_until = 0.0
        self._view_until = self._clock() + (LIFE_SECONDS if view is View.PHONE else _LIST_SECONDS)
        if view is View.PHONE:
            is_own = self._phone is not None and self._phone.is_reachable
            self.address = self._phone.new_address(self._service_host()) if is_own and self._phone else self._settings.page_url

    def _take_news(self) -> None:
        before, self._state = self._state, self._supply.state
        state = self._state
        if before.version != state.version:
            self._slideshow.take(state)
            if before.query != state.query and self.view is not View.PHOTO:
                self._look(View.PHOTO)  # a phone has chosen
            if state.notice:
                self._notice, self._notice_until = state.notice, self._clock() + _NOTICE_SECONDS
        self._bear_nothing()

    def _bear_nothing(self) -> None:
        """Have random photos in place of a query that has none, and try it again later: tomorrow there may be some."""
        state, now = self._state, self._clock()
        if state.query != RANDOM:
            self._wish = None
        elif self._wish is not None and self._wish.is_due(now, self.now().date(), self._settings.refresh_seconds):
            self._supply.choose(self._wish.query)
        has_none = not (state.slides or state.is_loading or state.is_away) and state.query != RANDOM
        if not has_none:
            self._nothing_since = None
        elif self._nothing_since is None:
            self._nothing_since = now
        elif now - self._nothing_since > _NOTHING_SECONDS:
            self._supply.choose(RANDOM)
            self._state = self._supply.state
            self._slideshow.take(self._state)
            self._wish = _Wish(state.query, now, self.now().date())
