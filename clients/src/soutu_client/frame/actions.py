"""What a person does to the frame, by whatever means."""

from __future__ import annotations

from enum import Enum

__all__ = ["Action"]


class Action(Enum):
    """One wish. On the list of queries ``NEXT``, ``LIKE``, ``PAUSE`` and ``SEARCH`` mean down, up, show this, and back."""

    NEXT = "next"
    PREVIOUS = "previous"
    LIKE = "like"
    PAUSE = "pause"
    SEARCH = "search"
    CAPTION = "caption"
    """Switch the lines of text on or off."""
    QUIT = "quit"
