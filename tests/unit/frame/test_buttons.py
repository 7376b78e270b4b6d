"""Buttons at the pins of a Pi, with gpiozero's mock pins; and a machine without any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from patience import eventually
from soutu_client.frame.actions import Action
from soutu_client.frame.buttons import Buttons, NoButtonsError


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    before = Device.pin_factory
    Device.pin_factory = MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = before


def test_a_button_is_a_wish(pins: MockFactory) -> None:
    pressed: list[Action] = []
    with Buttons({Action.NEXT: 5, Action.LIKE: 6}, pressed.append):
        for pin in (5, 6, 5):
            pins.pin(pin).drive_low()
            pins.pin(pin).drive_high()
            eventually(lambda: True)
    assert pressed == [Action.NEXT, Action.LIKE, Action.NEXT]


def test_pins_are_let_go(pins: MockFactory) -> None:
    for _ in range(2):
        Buttons({Action.NEXT: 5}, lambda action: None).close()


def test_pins_that_cannot_be_used_are_said_in_a_line(pins: MockFactory) -> None:
    with Buttons({Action.NEXT: 5}, lambda action: None), pytest.raises(NoButtonsError, match="5"):
        Buttons({Action.LIKE: 6, Action.PAUSE: 5}, lambda action: None)
    Buttons({Action.LIKE: 6}, lambda action: None).close()  # what was taken before the trouble is free


def test_a_machine_without_pins_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    Buttons({}, lambda action: None).close()
    with pytest.raises(NoButtonsError) as refused:
        Buttons({Action.NEXT: 5}, lambda action: None)
    assert "\n" not in str(refused.value)
