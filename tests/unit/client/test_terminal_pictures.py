"""Pictures for terminals, read back."""

import random

import pytest
from PIL import Image, ImageDraw

from soutu_client.cli.terminal_pictures import kitty_bytes, sixel_bytes
from terminal_picture_decoder import kitty_pictures, sixel_pictures


def drawing(width: int, height: int) -> Image.Image:
    """A picture of few colours, of values that sixel's percentages hold exactly."""
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    chance = random.Random(7)
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (51, 102, 153)):
        draw.line([chance.randrange(-5, 2 * width) for _ in range(8)], fill=colour)
        draw.rectangle([0, height // 2, width // 3, height // 2], fill=colour)
    return image


@pytest.mark.parametrize("size", [(1, 1), (5, 6), (7, 5), (300, 7), (64, 48), (1, 13)])
def test_sixel_holds_the_picture(size: tuple[int, int]) -> None:
    image = drawing(*size)
    sequence = sixel_bytes(image)
    assert sequence.startswith(b"\x1bP")
    assert sequence.endswith(b"\x1b\\")
    assert sequence[2:-2].isascii()
    assert b"\x1b" not in sequence[2:-2]
    (picture,) = sixel_pictures(sequence)
    assert picture.size == size
    assert picture.tobytes() == image.tobytes()


def test_kitty_holds_the_picture_in_parts_that_are_not_too_long() -> None:
    image = Image.effect_noise((200, 100), 80).convert("RGB")
    sequence = kitty_bytes(image, columns=20)
    parts = sequence.split(b"\x1b\\")[:-1]
    assert len(parts) > 3
    assert all(len(part.partition(b";")[2]) <= 4096 for part in parts)
    ((picture, keys),) = kitty_pictures(sequence)
    assert picture.tobytes() == image.tobytes()
    assert keys == {"a": "T", "f": "100", "q": "2", "c": "20", "m": "1"}
