"""Photos that are nearly the same: one is kept."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from picture_files import encoded, scene
from search_house import SearchHouse, photo_id_of

LARGE, SMALL = (photo_id_of(encoded("PNG", scene(*size))) for size in ((480, 320), (240, 160)))


def test_the_larger_one_is_kept_and_the_other_can_come_back(open_page: Callable[..., Page], house: SearchHouse) -> None:
    page = open_page("/?view=duplicates")
    group = page.get_by_role("group", name="2 张相似")
    expect(group.get_by_role("radio").first).to_be_checked()
    expect(group.get_by_role("radio").first).to_have_attribute("value", LARGE)
    group.get_by_role("button", name="留选中的").click()
    expect(group).to_have_count(0)
    assert SMALL not in house.listed()
    assert LARGE in house.listed()
    page.get_by_role("button", name="撤销").click()
    expect(group).to_have_count(1)
    assert SMALL in house.listed()
