"""Which photo comes next."""

import itertools
import random

import pytest

from soutu_client.frame.rotation import Rotation
from soutu_client.frame.slide import Slide

SLIDES = [Slide(f"{number:032x}") for number in range(6)]


@pytest.fixture
def rotation() -> Rotation:
    made = Rotation(random.Random(1))
    made.take(SLIDES, is_same_query=False)
    return made


def go(rotation: Rotation, count: int) -> list[Slide]:
    shown = []
    for _ in range(count):
        slide = rotation.after(lambda _: True)
        assert slide is not None
        rotation.show(slide)
        shown.append(slide)
    return shown


def test_the_first_round_is_in_order_and_the_next_ones_are_mixed(rotation: Rotation) -> None:
    assert go(rotation, 6) == SLIDES
    second, third = go(rotation, 6), go(rotation, 6)
    assert set(second) == set(third) == set(SLIDES)
    assert second != SLIDES


def test_no_photo_follows_itself(rotation: Rotation) -> None:
    shown = go(rotation, 200)
    assert all(one != two for one, two in itertools.pairwise(shown))


def test_a_photo_whose_picture_is_not_there_is_passed_over(rotation: Rotation) -> None:
    assert rotation.after(lambda slide: slide is SLIDES[4]) is SLIDES[4]
    assert rotation.after(lambda slide: False) is None


def test_the_only_photo_stays(rotation: Rotation) -> None:
    rotation.take(SLIDES[:1], is_same_query=False)
    assert go(rotation, 1) == SLIDES[:1]
    assert rotation.after(lambda _: True) is None


def test_one_goes_back_and_forth_again(rotation: Rotation) -> None:
    shown = go(rotation, 4)
    for expected in (shown[2], shown[1], shown[0]):
        assert rotation.before() == expected
        rotation.show(expected)
    assert rotation.before() is None
    assert go(rotation, 4) == [*shown[1:], SLIDES[4]]


def test_the_same_photos_asked_again_do_not_begin_anew(rotation: Rotation) -> None:
    go(rotation, 2)
    rotation.take(list(reversed(SLIDES)), is_same_query=True)
    assert go(rotation, 1) == [SLIDES[2]]
    rotation.take(SLIDES[3:], is_same_query=True)
    assert go(rotation, 1) == [SLIDES[3]]


def test_what_has_changed_about_a_photo_is_taken(rotation: Rotation) -> None:
    go(rotation, 1)
    loved = Slide(SLIDES[0].photo_id, favourite=True)
    rotation.change(loved)
    assert rotation.slide == loved
    assert loved in rotation.upcoming(6)


def test_what_comes_next_is_known_ahead_over_the_end(rotation: Rotation) -> None:
    go(rotation, 4)
    assert rotation.upcoming(3) == [SLIDES[4], SLIDES[5], SLIDES[0]]


def test_another_querys_photos_come_at_once_even_for_who_went_back(rotation: Rotation) -> None:
    shown = go(rotation, 3)
    rotation.show(shown[1])
    other = Slide("f" * 32)
    rotation.take([other], is_same_query=False)
    assert go(rotation, 1) == [other]
    assert rotation.before() == shown[1]
