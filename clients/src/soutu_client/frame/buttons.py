"""Buttons at the pins of a Raspberry Pi: the only importer of gpiozero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from soutu_client.frame.actions import Action

__all__ = ["Buttons", "NoButtonsError"]

_BOUNCE_SECONDS = 0.05


class NoButtonsError(Exception):
    """There are no pins here, or what drives them is missing; the message says which."""


class Buttons:
    """Buttons between a pin and ground. They are pressed in threads of gpiozero.

    Args:
        pins: GPIO numbers (BCM).
        on_press: Told what is wished.

    Raises:
        NoButtonsError: They cannot be used.
    """

    def __init__(self, pins: Mapping[Action, int], on_press: Callable[[Action], None]) -> None:
        self._buttons = []
        if not pins:
            return
        try:
            import warnings  # noqa: PLC0415

            from gpiozero import Button  # noqa: PLC0415 - most frames have none

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # each way to the pins that is not there warns
                for action, pin in pins.items():
                    button = Button(pin, pull_up=True, bounce_time=_BOUNCE_SECONDS)
                    self._buttons.append(button)
                    button.when_pressed = lambda action=action: on_press(action)
        except Exception as error:  # each way to the pins has errors of its own
            self.close()
            raise NoButtonsError(" ".join(str(error).split())[:200] or type(error).__name__) from error

    def close(self) -> None:
        """Let go of the pins."""
        while self._buttons:
            self._buttons.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
