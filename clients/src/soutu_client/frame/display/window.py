"""The window, or the whole screen: opening it, what a person does to it, and giving way from one picture to the next."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pygame

from soutu_client.frame.actions import Action

__all__ = ["NoDisplayError", "Picture", "Swipe", "Tap", "Window"]

Picture = pygame.Surface

_KEYS = {
    pygame.K_RIGHT: Action.NEXT,
    pygame.K_DOWN: Action.NEXT,
    pygame.K_n: Action.NEXT,
    pygame.K_LEFT: Action.PREVIOUS,
    pygame.K_UP: Action.LIKE,
    pygame.K_l: Action.LIKE,
    pygame.K_h: Action.LIKE,
    pygame.K_SPACE: Action.PAUSE,
    pygame.K_RETURN: Action.PAUSE,
    pygame.K_s: Action.SEARCH,
    pygame.K_SLASH: Action.SEARCH,
    pygame.K_ESCAPE: Action.SEARCH,
    pygame.K_i: Action.CAPTION,
    pygame.K_q: Action.QUIT,
}
_UNSEEN = ("offscreen", "dummy")
_SWIPE = 0.12
"""Part of the width that a finger goes at least."""


class NoDisplayError(Exception):
    """No display can be used; the message says why."""


@dataclass(frozen=True)
class Tap:
    """A finger or a mouse, in pixels of the screen."""

    x: int
    y: int


@dataclass(frozen=True)
class Swipe:
    """A finger that went left or right."""

    is_left: bool


class Window:
    """The screen. To be used in one thread.

    Args:
        size: Pixels of a window; None: the whole screen.

    Raises:
        NoDisplayError: There is no screen.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        try:
            pygame.display.init()
            if pygame.display.get_driver() in _UNSEEN and not os.environ.get("SDL_VIDEODRIVER"):
                raise pygame.error("No available video device")  # SDL's last resort, which nobody sees
            flags = 0 if size else pygame.FULLSCREEN
            self.surface = pygame.display.set_mode(size or (0, 0), flags)
        except pygame.error as error:
            pygame.display.quit()
            raise NoDisplayError(str(error)) from error
        pygame.display.set_caption("soutu")
        pygame.mouse.set_visible(size is not None)
        pygame.event.set_allowed(None)
        pygame.event.set_allowed([pygame.QUIT, pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP])
        self._down: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Pixels."""
        return self.surface.get_size()

    def gestures(self) -> list[Action | Tap | Swipe]:
        """Return what was done since the last time."""
        done: list[Action | Tap | Swipe] = []
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                done.append(Action.QUIT)
            elif event.type == pygame.KEYDOWN and event.key in _KEYS:
                done.append(_KEYS[event.key])
            elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
                self._down = event.pos
            elif event.type == pygame.MOUSEBUTTONUP and event.button == 1 and self._down is not None:
                way = event.pos[0] - self._down[0]
                is_swipe = abs(way) > _SWIPE * self.size[0]
                done.append(Swipe(way < 0) if is_swipe else Tap(*event.pos))
                self._down = None
        return done

    def draw(self, picture: pygame.Surface | None, before: pygame.Surface | None = None, share: float = 1.0) -> None:
        """Draw a picture; of one that gives way to it, what is left."""
        if share < 1.0 and picture is not None:
            if before is None:
                self.surface.fill((0, 0, 0))
            else:
                self.surface.blit(before, (0, 0))
            picture.set_alpha(round(255 * share))
            self.surface.blit(picture, (0, 0))
            picture.set_alpha(None)
        elif picture is not None:
            self.surface.blit(picture, (0, 0))
        else:
            self.surface.fill((12, 12, 14))

    def dim(self, brightness: float) -> None:
        """Make all that was drawn darker: 0 is black."""
        if brightness < 1.0:
            level = round(255 * brightness)
            self.surface.fill((level, level, level), special_flags=pygame.BLEND_RGB_MULT)

    def present(self) -> None:
        """Show what was drawn."""
        pygame.display.flip()

    def save(self, path: str) -> None:
        """Save what is on the screen as a PNG."""
        pygame.image.save(self.surface, path)

    def close(self) -> None:
        """Give the screen back."""
        pygame.display.quit()
