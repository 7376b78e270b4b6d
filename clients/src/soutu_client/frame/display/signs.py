"""Small drawings: hearts, bars, arrows, and QR codes."""

from __future__ import annotations

from collections.abc import Callable

import pygame
import segno

from soutu_client.frame.actions import Action

__all__ = ["code", "sign"]

_FINE = 4
"""Drawn so many times larger, then shrunk: edges are smooth."""

Colour = tuple[int, int, int]


def sign(kind: Action, size: int, colour: Colour, *, is_filled: bool = True) -> pygame.Surface:
    """Draw the sign of an action, ``size`` pixels wide and high. ``PAUSE`` that is not filled: go on."""
    large = size * _FINE
    surface = pygame.Surface((large, large), pygame.SRCALPHA)
    _DRAWN[kind](surface, large / 24, colour, is_filled)
    return pygame.transform.smoothscale(surface, (size, size))


def _heart(surface: pygame.Surface, unit: float, colour: Colour, is_filled: bool) -> None:
    for paint, shrink in ((colour, 0.0),) if is_filled else ((colour, 0.0), ((0, 0, 0, 0), 1.9)):
        for centre in (7.2, 16.8):
            pygame.draw.circle(surface, paint, (centre * unit, 8.4 * unit), (5.4 - shrink) * unit)
        corners = ((2.9 + shrink, 11.6), (12, 21.6 - 1.4 * shrink), (21.1 - shrink, 11.6), (12, 7 + shrink))
        pygame.draw.polygon(surface, paint, [(x * unit, y * unit) for x, y in corners])


def _pause(surface: pygame.Surface, unit: float, colour: Colour, is_filled: bool) -> None:
    if is_filled:
        for left in (6.5, 14):
            pygame.draw.rect(surface, colour, (left * unit, 4 * unit, 3.5 * unit, 16 * unit))
    else:
        pygame.draw.polygon(surface, colour, [(x * unit, y * unit) for x, y in ((7, 3.5), (20, 12), (7, 20.5))])


def _search(surface: pygame.Surface, unit: float, colour: Colour, is_filled: bool) -> None:
    del is_filled
    pygame.draw.circle(surface, colour, (10 * unit, 10 * unit), 7 * unit, round(2.2 * unit))
    pygame.draw.line(surface, colour, (15 * unit, 15 * unit), (21 * unit, 21 * unit), round(2.8 * unit))


def _next(surface: pygame.Surface, unit: float, colour: Colour, is_filled: bool) -> None:
    del is_filled
    pygame.draw.polygon(surface, colour, [(x * unit, y * unit) for x, y in ((4, 4), (15, 12), (4, 20))])
    pygame.draw.rect(surface, colour, (16.5 * unit, 4 * unit, 3 * unit, 16 * unit))


_DRAWN: dict[Action, Callable[[pygame.Surface, float, Colour, bool], None]] = {
    Action.LIKE: _heart,
    Action.PAUSE: _pause,
    Action.SEARCH: _search,
    Action.NEXT: _next,
}


def code(text: str, size: int) -> pygame.Surface:
    """Draw a QR code (ISO/IEC 18004) with its quiet zone, at most ``size`` pixels wide and high, in whole pixels a module."""
    made = segno.make(text, error="m", micro=False)
    modules = made.symbol_size(border=4)[0]
    scale = max(1, size // modules)
    surface = pygame.Surface((modules * scale, modules * scale), 0, 32)
    surface.fill((255, 255, 255))
    for row, line in enumerate(made.matrix_iter(border=4)):
        for column, is_dark in enumerate(line):
            if is_dark:
                surface.fill((0, 0, 0), (column * scale, row * scale, scale, scale))
    return surface
