"""Draws what is on the screen beside the picture, and whole screens without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from soutu_client._language import Language
from soutu_client.frame.actions import Action
from soutu_client.frame.display.signs import code, sign
from soutu_client.frame.display.typeface import Typeface
from soutu_client.frame.slide import Slide
from soutu_client.frame.text_catalogue import say

__all__ = ["Area", "Painter"]

_WHITE, _GREY, _RED, _AMBER = (245, 245, 245), (170, 170, 175), (240, 70, 85), (255, 190, 80)
_BACKGROUND, _ROW, _CHOSEN = (18, 18, 21), (34, 34, 40), (58, 84, 130)
_BAR = (Action.LIKE, Action.PAUSE, Action.SEARCH, Action.NEXT)
_SHADE = 170
_SMALLEST_LETTERS = 13


@dataclass(frozen=True)
class Area:
    """A part of the screen that can be touched, and what that means: an action, or the number of a row."""

    left: int
    top: int
    width: int
    height: int
    meaning: Action | int

    def __contains__(self, point: tuple[int, int]) -> bool:
        x, y = point
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height


class Painter:
    """Draws onto a surface.

    Args:
        surface: The screen.
        typeface: For all text.
        language: Of the texts.
    """

    def __init__(self, surface: pygame.Surface, typeface: Typeface, language: Language) -> None:
        self._surface = surface
        self._width, self._height = surface.get_size()
        self._unit = max(6, min(self._width, self._height) // 36)
        self._typeface = typeface
        self._language: Language = language
        self._shade = _shade(self._width, self._unit * 9)

    def lines(self, slide: Slide, show: frozenset[str], *, is_right: bool) -> None:
        """Write what is known of a photo, at one side of the lower edge or the other: no pixel is bright for days."""
        texts = []
        if "caption" in show and slide.caption:
            texts.append((slide.caption, self._letters(1.5), _WHITE))
        told = [slide.date_line(self._language)] if "date" in show else []
        told += [slide.place_line()] if "place" in show else []
        if any(told):
            texts.append(("   ".join(filter(None, told)), self._letters(1), _WHITE if not texts else (225, 225, 225)))
        if not texts:
            return
        self._surface.blit(self._shade, (0, self._height - self._shade.get_height()))
        bottom = self._height - self._unit
        for text, size, colour in reversed(texts):
            line = self._typeface.line(text, size, colour, self._width - 4 * self._unit)
            bottom -= line.get_height()
            left = self._width - 2 * self._unit - line.get_width() if is_right else 2 * self._unit
            self._surface.blit(line, (left, bottom))

    def signs(self, *, is_favourite: bool, is_paused: bool, notice: str) -> None:
        """Draw small signs at the upper edge: a heart, a pause, and what is to be said in a few words."""
        right = self._width - self._unit
        size = round(self._unit * 1.5)
        for wanted, kind, colour in ((is_favourite, Action.LIKE, _RED), (is_paused, Action.PAUSE, _WHITE)):
            if wanted:
                right -= size
                self._surface.blit(sign(kind, size, colour), (right, self._unit))
                right -= self._unit // 2
        if notice:
            line = self._typeface.line(notice, self._letters(0.8), _WHITE, self._width // 2)
            pill = pygame.Surface((line.get_width() + 2 * self._unit, line.get_height() + self._unit // 2), pygame.SRCALPHA)
            pygame.draw.rect(pill, (0, 0, 0, 150), pill.get_rect(), border_radius=pill.get_height() // 2)
            middle = pill.get_height() // 2
            pygame.draw.circle(pill, _AMBER, (self._unit * 3 // 4, middle), self._unit // 4)
            pill.blit(line, (self._unit * 5 // 4, self._unit // 4))
            self._surface.blit(pill, (self._unit, self._unit))

    def bar(self, *, is_paused: bool, is_favourite: bool) -> list[Area]:
        """Draw the buttons of a touch screen along the lower edge, and return where they are."""
        height = self._unit * 6
        top, width = self._height - height, self._width // len(_BAR)
        dark = pygame.Surface((self._width, height), pygame.SRCALPHA)
        dark.fill((0, 0, 0, 190))
        self._surface.blit(dark, (0, top))
        areas = []
        for number, action in enumerate(_BAR):
            is_on = action is Action.LIKE and is_favourite
            picture = sign(
                action, self._unit * 2, _RED if is_on else _WHITE, is_filled=is_on or (action is Action.PAUSE and not is_paused)
            )
            key = "go" if action is Action.PAUSE and is_paused else action.value
            line = self._typeface.line(say(self._language, f"bar.{key}"), self._letters(1), _WHITE, width)
            middle = number * width + width // 2
            self._surface.blit(picture, (middle - picture.get_width() // 2, top + self._unit))
            self._surface.blit(line, (middle - line.get_width() // 2, top + round(self._unit * 3.4)))
            areas.append(Area(number * width, top, width, height, action))
        return areas

    def choices(self, titles: Sequence[str], chosen: int) -> list[Area]:
        """Draw the list of queries, and return where each row is. Of a long list, what is around the chosen one."""
        self._surface.fill(_BACKGROUND)
        self._write(say(self._language, "list.title"), self._letters(1.8), _WHITE, self._unit * 2, self._unit * 2)
        height, first_top = round(self._unit * 3.4), self._unit * 6
        room = max(1, (self._height - first_top - self._unit * 4) // height)
        begin = max(0, min(chosen - room // 2, len(titles) - room))
        areas = []
        for row, title in enumerate(titles[begin : begin + room]):
            number, top = begin + row, first_top + row * height
            area = Area(self._unit * 2, top, self._width - 4 * self._unit, height - self._unit // 2, number)
            colour = _CHOSEN if number == chosen else _ROW
            place = (area.left, area.top, area.width, area.height)
            pygame.draw.rect(self._surface, colour, place, border_radius=self._unit // 2)
            line = self._typeface.line(title, self._letters(1.3), _WHITE, area.width - 2 * self._unit)
            self._surface.blit(line, (area.left + self._unit, area.top + (area.height - line.get_height()) // 2))
            areas.append(area)
        keys = say(self._language, "list.keys")
        self._write(keys, self._letters(0.8), _GREY, self._unit * 2, self._height - self._unit * 5 // 2)
        return areas

    def phone(self, url: str, title: str, hint: str) -> None:
        """Draw the code of an address in the middle, and the address itself for phones without a camera."""
        self._surface.fill(_BACKGROUND)
        picture = code(url, min(self._width - 4 * self._unit, self._height - 16 * self._unit))
        top = self._unit * 5
        self._middle(title, self._letters(1.5), _WHITE, self._unit * 2)
        self._surface.blit(picture, ((self._width - picture.get_width()) // 2, top))
        top += picture.get_height() + self._unit
        self._middle(url, self._letters(1), _WHITE, top)
        self._middle(hint, self._letters(0.9), _GREY, top + self._unit * 2)

    def card(self, title: str, more: Sequence[str]) -> None:
        """Draw a screen that says something instead of a picture."""
        self._surface.fill(_BACKGROUND)
        size, small = self._letters(1.9), self._letters(1.1)
        wide = self._width - 8 * self._unit
        lines = [(line, size, _WHITE) for line in self._typeface.lines(title, size, wide, 3)]
        for text in filter(None, more):
            lines += [(line, small, _GREY) for line in self._typeface.lines(text, small, wide, 3)]
        total = sum(round(self._typeface.height(each) * 1.4) for _, each, _ in lines)
        top = (self._height - total) // 2
        for line, each, colour in lines:
            self._middle(line, each, colour, top)
            top += round(self._typeface.height(each) * 1.4)

    def _letters(self, share: float) -> int:
        """Return the size of letters as a share of the unit; what is smaller could not be read."""
        return max(_SMALLEST_LETTERS, round(self._unit * share))

    def _write(self, text: str, size: int, colour: tuple[int, int, int], left: int, top: int) -> None:
        self._surface.blit(self._typeface.line(text, size, colour, self._width - left - self._unit), (left, top))

    def _middle(self, text: str, size: int, colour: tuple[int, int, int], top: int) -> None:
        if text:
            line = self._typeface.line(text, size, colour, self._width - 2 * self._unit)
            self._surface.blit(line, ((self._width - line.get_width()) // 2, top))


def _shade(width: int, height: int) -> pygame.Surface:
    """Return black that begins with nothing: white letters can be read upon any picture."""
    column = pygame.Surface((1, height), pygame.SRCALPHA)
    for row in range(height):
        column.set_at((0, row), (0, 0, 0, round(_SHADE * (row / height) ** 1.5)))
    return pygame.transform.scale(column, (width, height))
