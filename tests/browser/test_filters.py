"""Filters: when, where, with what; as chips, in the URL, and with the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from search_house import SearchHouse, photo_id_of, picture

RED_ID = photo_id_of(picture("红", 0, (120, 80)))


@pytest.fixture
def filters(page: Page, house: SearchHouse) -> Page:
    house.client.annotate([RED_ID], favourite=True, add_tags=["生日"])
    page.get_by_role("button", name="筛选").click()
    expect(page.get_by_role("complementary", name="筛选").locator(".bars")).to_be_visible()
    return page


def test_a_folder_a_tag_and_favourites_filter_and_become_chips(filters: Page) -> None:
    chips = filters.locator(".query-chips .chip")
    filters.get_by_role("checkbox", name="旅行").first.check()
    expect(chips).to_contain_text("旅行")
    expect(filters.locator(".headline")).to_contain_text("3")
    filters.get_by_role("button", name=re.compile("去掉“文件夹")).click()
    filters.get_by_role("checkbox", name="生日").check()
    expect(filters.locator(".tile")).to_have_count(1)
    filters.get_by_role("checkbox", name="只看收藏").check()
    expect(chips).to_have_count(2)
    expect(filters).to_have_url(re.compile("favourite=1"))
    filters.get_by_role("button", name="全部清除").click()
    expect(chips).to_have_count(0)


def test_months_are_chosen_with_the_keyboard(filters: Page) -> None:
    slider = filters.get_by_role("slider", name="到哪个月")
    slider.focus()
    filters.keyboard.press("Home")  # the range never crosses itself: January alone is left
    expect(filters).to_have_url(re.compile("from=2019-01&until=2019-01"))
    expect(filters.locator(".tile")).to_have_count(1)
    expect(filters.locator(".query-chips .chip")).to_have_text("2019年1月")


def test_months_are_chosen_by_dragging(filters: Page) -> None:
    box = filters.locator(".bars").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    filters.mouse.move(box["x"] + 1, y)
    filters.mouse.down()
    filters.mouse.move(box["x"] + box["width"] / 3, y)
    filters.mouse.up()
    expect(filters).to_have_url(re.compile(r"from=2019-01&until=20\d\d-\d\d"))


def test_phones_have_a_drawer(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=844, touch=True)
    page.get_by_role("button", name="筛选").click()
    drawer = page.get_by_role("dialog", name="筛选")
    drawer.get_by_role("checkbox", name="只看收藏").check()
    drawer.get_by_role("button", name="关闭").click()
    expect(drawer).to_have_count(0)
    expect(page.locator(".query-chips .chip")).to_contain_text("只看收藏")
