"""The frame on a real service: what it shows, and what becomes of what a person does."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from frame_run import FrameRun
from patience import PATIENCE
from search_house import SearchHouse, picture
from soutu_client import Client, NotAllowedError, Thumbnail
from soutu_client.frame.actions import Action
from soutu_client.frame.query import RANDOM
from soutu_client.frame.screen import View

Run = Callable[..., FrameRun]


def near(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(one, other, strict=True))


def test_the_best_photo_of_a_query_is_shown_first(run: Run) -> None:
    for query, colour in (("绿", (20, 200, 20)), ("红", (200, 20, 20))):
        frame = run(queries=query)
        frame.until_photo()
        assert near(frame.colour(0.5, 0.4), colour)
        frame.close()


def test_photos_follow_each_other(run: Run) -> None:
    frame = run(queries="最新", interval_seconds="0.1")
    shown: set[str] = set()
    frame.until(lambda: len(shown.add(frame.slide.photo_id) or shown if frame.slide else shown) == 4)  # type: ignore[func-returns-value]


def test_one_picture_gives_way_to_the_next(run: Run) -> None:
    frame = run(queries="红", fade_seconds="0.3")
    frame.until(lambda: 0 < frame.frame.slideshow.share < 1)
    frame.until(lambda: near(frame.colour(0.5, 0.4), (200, 20, 20)))
    frame.press(Action.NEXT)
    shares = []
    frame.until(lambda: shares.append(frame.frame.slideshow.share) or frame.frame.slideshow.picture_before is not None)  # type: ignore[func-returns-value]
    frame.until(lambda: frame.frame.slideshow.picture_before is None)
    assert not near(frame.colour(0.5, 0.4), (200, 20, 20))


def test_pause_stays_and_next_goes_on_all_the_same(run: Run) -> None:
    frame = run(queries="最新", interval_seconds="0.3")
    frame.until_photo()
    frame.press(Action.PAUSE)
    slide = frame.slide
    assert frame.frame.slideshow.is_paused
    limit = datetime.now().timestamp() + 0.7
    frame.until(lambda: datetime.now().timestamp() > limit)
    assert frame.slide == slide
    assert frame.ink(0.9, 0, 1, 0.15) > 20  # the sign of the pause
    following = frame.next_photo()
    assert following != slide and frame.frame.slideshow.is_paused
    frame.press(Action.PREVIOUS)
    frame.until(lambda: frame.slide == slide)


def test_a_heart_reaches_the_service(run: Run, house: SearchHouse) -> None:
    frame = run(queries="绿")
    slide = frame.until_photo()
    for is_one in (True, False):
        frame.press(Action.LIKE)
        assert frame.slide is not None and frame.slide.favourite is is_one
        frame.until(lambda is_one=is_one: house.client.photo(slide.photo_id).annotations.favourite is is_one)


def test_the_lines_can_be_switched_off(run: Run) -> None:
    frame = run(queries="红")
    slide = frame.until_photo()
    assert (slide.caption, slide.place) == ("红色的海 a red sea", "一本")
    lower = (0.0, 0.8, 1.0, 1.0)
    assert frame.ink(*lower) > 100
    frame.press(Action.CAPTION)
    assert frame.ink(*lower) == 0
    frame.press(Action.CAPTION)
    assert frame.ink(*lower) > 100
    frame.close()
    frame = run(queries="红", show="none")
    frame.until_photo()
    assert frame.ink(*lower) == 0


def test_a_touch_shows_buttons_and_the_next_one_uses_them(run: Run) -> None:
    frame = run(queries="最新")
    slide = frame.until_photo()
    kiosk = frame.frame.kiosk
    kiosk.touch((320, 100))
    frame.frame.turn()
    kiosk.touch((600, 350))
    frame.until(lambda: frame.slide != slide)
    kiosk.touch((400, 350))
    frame.frame.turn()
    assert frame.view is View.CHOICES
    kiosk.touch((320, 5))
    assert frame.view is View.PHOTO


def test_a_query_is_chosen_from_the_list_with_four_buttons(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = MockFactory()
    monkeypatch.setattr(Device, "pin_factory", pins)
    frame = run(queries="绿;蓝;收藏", buttons="next=5,like=6,pause=13,search=19")

    def push(pin: int) -> None:
        pins.pin(pin).drive_low()
        pins.pin(pin).drive_high()
        frame.frame.turn()

    frame.until_photo()
    push(19)
    assert frame.view is View.CHOICES
    for pin in (5, 5, 6):
        push(pin)
    push(13)
    frame.until(lambda: frame.state.query.text == "蓝" and near(frame.colour(0.5, 0.4), (20, 20, 200)))
    push(19)
    push(6)  # up from the first: the last, which is for phones
    push(13)
    assert frame.view is View.PHONE
    push(5)
    assert frame.view is View.PHOTO


def test_a_phone_says_what_to_show(run: Run) -> None:
    frame = run(queries="绿", listen="0.0.0.0:0")
    frame.until_photo()
    frame.press(Action.SEARCH, Action.LIKE, Action.PAUSE)
    assert frame.view is View.PHONE
    url = urlsplit(frame.frame.kiosk.address)
    white = frame.ink(0.3, 0.1, 0.7, 0.8)
    assert white > 5000  # a code
    connection = http.client.HTTPConnection("127.0.0.1", url.port or 0, timeout=PATIENCE)
    connection.request("POST", url.path, body="q=%E7%BA%A2", headers={"Accept-Language": "en"})
    assert "The frame shows" in connection.getresponse().read().decode()
    connection.close()
    frame.until(lambda: near(frame.colour(0.5, 0.4), (200, 20, 20)))
    assert frame.view is View.PHOTO


def test_without_a_page_of_its_own_the_code_leads_to_the_homes_page(run: Run) -> None:
    frame = run(queries="绿", page_url="https://nas.local:8400")
    frame.press(Action.SEARCH, Action.LIKE, Action.PAUSE)
    assert frame.frame.kiosk.address == "https://nas.local:8400"
    frame.close()
    frame = run(queries="绿", listen="none")
    frame.press(Action.SEARCH, Action.LIKE, Action.PAUSE)
    assert frame.frame.kiosk.address == "" and frame.ink(0, 0.3, 1, 0.7) > 50


def test_where_nothing_is_found_random_photos_follow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_client.frame.kiosk._NOTHING_SECONDS", 0.3)
    frame = run(queries="红 /从 1901 /到 1902")
    frame.until(lambda: not frame.state.is_loading)
    frame.frame.turn()
    assert frame.slide is None and frame.ink(0, 0.3, 1, 0.7) > 50
    frame.until_photo()
    assert frame.state.query == RANDOM


def test_what_had_nothing_is_tried_again_the_next_day(run: Run, house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_client.frame.kiosk._NOTHING_SECONDS", 0.2)
    frame = run(queries="红 /标签 明天")
    frame.until(lambda: frame.state.query == RANDOM)
    slide = frame.until_photo()
    house.client.annotate([slide.photo_id], add_tags=["明天"])
    for _ in range(5):
        frame.frame.turn()
    assert frame.state.query == RANDOM
    frame.frame.kiosk.now = lambda: datetime.now() + timedelta(days=1)
    frame.until(lambda: [each.photo_id for each in frame.state.slides] == [slide.photo_id])
    assert frame.state.query.text == "红 /标签 明天"
    house.client.annotate([slide.photo_id], remove_tags=["明天"])


def test_a_heart_that_is_refused_is_taken_back_and_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotAllowedError("no", reason="SCOPE")

    monkeypatch.setattr(Client, "annotate", refuse)
    frame = run(queries="绿")
    frame.until_photo()
    frame.press(Action.LIKE)
    frame.until(lambda: frame.slide is not None and not frame.slide.favourite)
    frame.frame.turn()
    assert frame.ink(0, 0, 0.6, 0.14) > 30
    assert not frame.state.is_away


def test_a_small_screen_gets_small_pictures(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    real = Client.thumbnail

    def thumbnail(client: Client, photo_id: str, *, large: bool = False, frame_ms: int | None = None) -> Thumbnail:
        asked.append(large)
        return real(client, photo_id, large=large, frame_ms=frame_ms)

    monkeypatch.setattr(Client, "thumbnail", thumbnail)
    for size in ("480x320", "800x480"):
        frame = run(queries="绿", size=size, folder=tmp_path / size)
        frame.until_photo()
        frame.close()
        assert set(asked) == {size == "800x480"}
        asked.clear()


def test_a_query_that_the_service_refuses_is_said_and_random_photos_follow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_client.frame.kiosk._NOTHING_SECONDS", 0.3)
    frame = run(queries="红 /从 哪天")
    problem = frame.until(lambda: frame.state.problem)
    assert "not a date" in problem and not frame.state.is_away
    frame.until_photo()


@pytest.mark.parametrize(
    ("query", "count"),
    [("去年的今天", 1), ("随机", 4), ("最新", 4), ("/相册 一本", 1), ("/文件夹 旅行 /到 2016", 2), ("收藏", 0)],
)
def test_lists_hold_what_they_say(run: Run, last_year: date, query: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Today(date):
        @classmethod
        def today(cls) -> Today:
            return cls(last_year.year + 1, last_year.month, last_year.day)

    monkeypatch.setattr("soutu_client.frame.supply.date", Today)
    frame = run(queries=query)
    frame.until(lambda: not frame.state.is_loading)
    assert len(frame.state.slides) == count, frame.state


def test_the_night_is_dim_and_a_touch_makes_light(run: Run) -> None:
    frame = run(queries="绿", night="00:00-23:59", night_brightness="0.1")
    frame.frame.kiosk.now = lambda: datetime(2026, 1, 1, 3)
    frame.until_photo()
    frame.frame.turn()
    assert max(frame.colour(0.5, 0.4)) < 30
    frame.frame.kiosk.touch((320, 100))
    frame.frame.turn()
    assert near(frame.colour(0.5, 0.4), (20, 200, 20))


def test_a_black_night_has_no_photos_to_change(run: Run) -> None:
    frame = run(queries="最新", night="00:00-23:59", night_brightness="0", interval_seconds="0.1")
    frame.frame.kiosk.now = lambda: datetime(2026, 1, 1, 3)
    for _ in range(10):
        frame.frame.turn()
    assert frame.slide is None and max(frame.colour(0.5, 0.5)) == 0


def test_a_photo_that_cannot_be_drawn_is_passed_over_and_not_asked_for_again(run: Run) -> None:
    frame = run(queries="最新")
    first = frame.until_photo()
    others = [each for each in frame.state.slides if each.photo_id != first.photo_id]
    frame.until(lambda: all(each.photo_id in frame.frame.cache for each in others))
    for each in others[:-1]:
        frame.frame.cache.keep(each, b"no picture")
    frame.press(Action.NEXT)
    frame.until(lambda: frame.slide == others[-1])
    for _ in range(20):
        frame.frame.turn()
    frame.press(Action.NEXT)
    frame.until(lambda: frame.slide == first)
    assert others[0].photo_id not in frame.frame.cache


def test_many_changes_leave_no_thread_behind(run: Run) -> None:
    import threading

    before = threading.active_count()
    frame = run(queries="最新", interval_seconds="0.1")
    frame.until(lambda: frame.frame.slideshow.pictures_shown > 20)
    frame.close()
    assert threading.active_count() <= before + 1


def test_without_a_font_the_screen_speaks_english_and_says_why(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sign = (0.0, 0.0, 0.9, 0.14)
    for language in ("zh", "en"):
        frame = run(queries="绿", language=language)
        frame.until_photo()
        assert frame.ink(*sign) == 0
        frame.close()
        with monkeypatch.context() as patched:
            patched.setattr("soutu_client.frame.display.typeface.chinese_font_files", lambda: iter(()))
            frame = run(queries="绿", language=language)
        frame.until_photo()
        assert frame.ink(*sign) > 30
        assert "fonts-noto-cjk" in caplog.text
        frame.close()


def test_a_day_is_told_only_where_the_photo_tells_it(run: Run, house: SearchHouse) -> None:
    house.client.wait_until_ready([house.upload("没有日期.png", picture("绿", 99))])
    frame = run(queries="绿")
    slides = frame.until(lambda: frame.state.slides)
    days = {each.place: each.taken[:10] for each in slides}
    assert days["旅行"] and days[""] == ""
