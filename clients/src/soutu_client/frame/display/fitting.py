"""A picture made as large as the screen."""

from __future__ import annotations

import io

import pygame

__all__ = ["UndecodableError", "fitted"]

_BLURRED_PIXELS = 240
"""Longer side of the background while it is blurred: what is blurred has no details to lose."""
_BLUR_RADIUS = 10
_BACKGROUND_BRIGHTNESS = 110
_PLAIN = (16, 16, 18)
_LARGEST_GROWTH = 4.0
"""A small picture is not drawn larger than this: it would be a blur itself."""


class UndecodableError(ValueError):
    """The bytes are no picture."""


def fitted(image: bytes, size: tuple[int, int], *, is_blurred: bool) -> pygame.Surface:
    """Return a surface of the screen's size with the whole picture in its middle. Safe in any thread.

    Args:
        image: An encoded picture, orientation applied.
        size: Of the screen, in pixels.
        is_blurred: Whether the picture itself, blurred and dark, is around it; else a dark grey.

    Raises:
        UndecodableError: It cannot be decoded.
    """
    try:
        picture = pygame.image.load(io.BytesIO(image))
        width, height = picture.get_size()
        if picture.get_bitsize() < 24 or picture.get_flags() & pygame.SRCALPHA:
            picture = _flat(picture)
    except (pygame.error, ValueError) as error:
        raise UndecodableError(str(error)) from error
    if not (width and height):
        raise UndecodableError("no pixels")
    scale = min(size[0] / width, size[1] / height, _LARGEST_GROWTH)
    within = max(1, round(width * scale)), max(1, round(height * scale))
    whole = pygame.Surface(size, 0, 32)
    if within[0] < size[0] - 1 or within[1] < size[1] - 1:
        if is_blurred:
            _blur_onto(whole, picture)
        else:
            whole.fill(_PLAIN)
    scaled = picture if within == (width, height) else pygame.transform.smoothscale(picture, within)
    whole.blit(scaled, ((size[0] - within[0]) // 2, (size[1] - within[1]) // 2))
    return whole


def _flat(picture: pygame.Surface) -> pygame.Surface:
    flat = pygame.Surface(picture.get_size(), 0, 32)
    flat.fill((255, 255, 255))
    flat.blit(picture, (0, 0))
    return flat


def _blur_onto(whole: pygame.Surface, picture: pygame.Surface) -> None:
    """Cover a surface with the picture, cropped to its shape, blurred and dark."""
    width, height = whole.get_size()
    shrink = _BLURRED_PIXELS / max(width, height)
    small_size = max(8, round(width * shrink)), max(8, round(height * shrink))
    grow = max(small_size[0] / picture.get_width(), small_size[1] / picture.get_height())
    covering = max(small_size[0], round(picture.get_width() * grow)), max(small_size[1], round(picture.get_height() * grow))
    small = pygame.Surface(small_size, 0, 32)
    place = (small_size[0] - covering[0]) // 2, (small_size[1] - covering[1]) // 2
    small.blit(pygame.transform.smoothscale(picture, covering), place)
    small = pygame.transform.gaussian_blur(small, _BLUR_RADIUS)
    small.fill((_BACKGROUND_BRIGHTNESS,) * 3, special_flags=pygame.BLEND_RGB_MULT)
    pygame.transform.smoothscale(small, (width, height), whole)
