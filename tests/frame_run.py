"""The frame in this process, on SDL's dummy screen: driven turn by turn, and looked at."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

os.environ["SDL_VIDEODRIVER"] = "dummy"

from patience import PATIENCE
from soutu_client._language import Language
from soutu_client.frame.actions import Action
from soutu_client.frame.frame import Frame
from soutu_client.frame.query import read_query
from soutu_client.frame.screen import View
from soutu_client.frame.settings import FrameSettings
from soutu_client.frame.slide import Slide
from soutu_client.frame.supply import Supplied

__all__ = ["FrameRun"]

Found = TypeVar("Found")


class FrameRun:
    """A frame of 640 by 360 pixels that fades to nothing, unless ``settings`` say otherwise."""

    def __init__(self, address: str, folder: Path, language: Language = "en", **settings: str) -> None:
        given = {
            "address": address,
            "size": "640x360",
            "fade_seconds": "0",
            "interval_seconds": "1000",
            "listen": "127.0.0.1:0",
            "cache_folder": str(folder / "cache"),
            **settings,
        }
        environment = {f"SOUTU_FRAME_{name.upper()}": value for name, value in given.items()}
        environment["XDG_CONFIG_HOME"] = str(folder / "no-settings")
        read = FrameSettings.load(environment, language)
        self.frame = Frame(read, [read_query(each, language) for each in read.queries], language, environment)
        self.folder = folder
        self.frame.start()

    def until(self, probe: Callable[[], Found]) -> Found:
        """Go on until something is true."""
        give_up = time.monotonic() + PATIENCE
        while not (found := probe()):
            assert time.monotonic() < give_up, self.state
            self.frame.turn()
        return found

    def until_photo(self) -> Slide:
        """Go on until a photo is shown."""
        return self.until(lambda: self.slide)

    def press(self, *actions: Action) -> None:
        for action in actions:
            self.frame.kiosk.press(action)
            self.frame.turn()

    def next_photo(self) -> Slide:
        """Have the next photo shown."""
        count = self.frame.slideshow.pictures_shown
        self.press(Action.NEXT)
        self.until(lambda: self.frame.slideshow.pictures_shown > count)
        return self.until_photo()

    @property
    def slide(self) -> Slide | None:
        return self.frame.slideshow.slide

    @property
    def state(self) -> Supplied:
        return self.frame.supply.state

    @property
    def view(self) -> View:
        return self.frame.kiosk.view

    def colour(self, x: float, y: float) -> tuple[int, int, int]:
        """The colour at a place, parts of the screen's width and height."""
        width, height = self.frame.window.size
        red, green, blue, _ = self.frame.window.surface.get_at((int(x * width), int(y * height)))
        return red, green, blue

    def ink(self, left: float, top: float, right: float, bottom: float) -> int:
        """How many bright pixels there are within a part of the screen: letters and signs."""
        width, height = self.frame.window.size
        surface = self.frame.window.surface
        some = (
            (x, y) for x in range(int(left * width), int(right * width)) for y in range(int(top * height), int(bottom * height))
        )
        return sum(min(surface.get_at(each)[:3]) > 200 for each in some)

    def close(self) -> None:
        self.frame.close()
