"""Which screen is drawn, from what is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from soutu_client._language import Language
from soutu_client.frame.display.painter import Area, Painter
from soutu_client.frame.display.window import Picture, Window
from soutu_client.frame.phone_tokens import LIFE_SECONDS
from soutu_client.frame.query import RANDOM
from soutu_client.frame.slide import Slide
from soutu_client.frame.supply import Supplied
from soutu_client.frame.text_catalogue import say

__all__ = ["Screen", "Shown", "View"]


class View(Enum):
    """What is on the screen."""

    PHOTO = "photo"
    CHOICES = "choices"
    PHONE = "phone"


@dataclass(frozen=True)
class Shown:
    """Everything that is drawn.

    Attributes:
        view: Which screen.
        state: What is supplied.
        slide: The photo; None: there is none yet.
        picture: The photo's picture.
        before: What it takes the place of.
        share: How much of it has appeared.
        show: Lines to write.
        is_right: Whether they are written at the right.
        is_paused: Whether it stays.
        has_bar: Whether there are buttons to touch.
        notice: Something to say for a moment.
        titles: What can be chosen.
        chosen: Which of it is.
        address: What the code leads to; empty: to nothing.
        is_own_page: Whether that is the frame's own page.
        brightness: 0, black, to 1.
    """

    view: View
    state: Supplied
    slide: Slide | None = None
    picture: Picture | None = None
    before: Picture | None = None
    share: float = 1.0
    show: frozenset[str] = frozenset()
    is_right: bool = False
    is_paused: bool = False
    has_bar: bool = False
    notice: str = ""
    titles: tuple[str, ...] = ()
    chosen: int = 0
    address: str = ""
    is_own_page: bool = True
    brightness: float = 1.0


class Screen:
    """Draws.

    Args:
        window: The screen.
        painter: Draws what is beside a picture.
        language: Of the texts.
    """

    def __init__(self, window: Window, painter: Painter, language: Language) -> None:
        self._window, self._painter = window, painter
        self._language: Language = language

    def draw(self, shown: Shown) -> list[Area]:
        """Draw it, and return what can be touched."""
        areas: list[Area] = []
        has_photo = shown.picture is not None and (shown.state.slides or shown.state.is_loading or shown.state.is_away)
        if shown.view is View.CHOICES:
            areas = self._painter.choices(shown.titles, shown.chosen)
        elif shown.view is View.PHONE:
            self._phone(shown)
        elif has_photo:
            areas = self._photo(shown)
        else:
            self._card(shown.state)
        self._window.dim(shown.brightness)
        self._window.present()
        return areas

    def _photo(self, shown: Shown) -> list[Area]:
        self._window.draw(shown.picture, shown.before, shown.share)
        slide = shown.slide
        if shown.share < 1.0 or slide is None:
            return []
        if not shown.has_bar:
            self._painter.lines(slide, shown.show, is_right=shown.is_right)
        notice = shown.notice or shown.state.problem
        if shown.state.is_away and not shown.notice:
            notice = say(self._language, "screen.away_sign")
        self._painter.signs(is_favourite=slide.favourite, is_paused=shown.is_paused, notice=notice)
        return self._painter.bar(is_paused=shown.is_paused, is_favourite=slide.favourite) if shown.has_bar else []

    def _phone(self, shown: Shown) -> None:
        if not shown.address:
            self._painter.card(say(self._language, "phone.closed"), [say(self._language, "phone.closed_hint")])
            return
        title = say(self._language, "phone.title" if shown.is_own_page else "phone.page_title")
        hint = say(self._language, "phone.once", minutes=round(LIFE_SECONDS / 60)) if shown.is_own_page else ""
        self._painter.phone(shown.address, title, hint)

    def _card(self, state: Supplied) -> None:
        """Say why there is no picture."""
        title = state.query.title(self._language)
        if state.is_away:
            self._painter.card(say(self._language, "screen.away"), [state.problem])
        elif state.is_loading or state.slides:
            self._painter.card(say(self._language, "screen.starting"), [title])
        elif state.query == RANDOM and not state.problem:
            self._painter.card(say(self._language, "screen.empty"), [say(self._language, "screen.empty_hint")])
        else:
            key = "screen.refused" if state.problem else "screen.nothing"
            more = [state.problem, say(self._language, "screen.nothing_hint")] if state.query != RANDOM else [state.problem]
            self._painter.card(say(self._language, key, query=title), more)
