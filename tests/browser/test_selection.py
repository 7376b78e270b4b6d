"""Choosing several photos, and what is done with them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from axe_violations import violations
from search_house import SearchHouse, photo_id_of, picture

REDS = [photo_id_of(picture("红", number, (120, 80))) for number in range(2)]


@pytest.fixture
def marks(page: Page) -> Locator:
    return page.get_by_role("checkbox", name=re.compile("^选择 "))


@pytest.fixture
def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="选中的照片")


def choose(page: Page, *photo_ids: str) -> None:
    for photo_id in photo_ids:
        item = page.locator(f'.tile-item:has([href*="{photo_id}"])')
        item.hover()
        item.locator(".pick").click()


def test_a_mark_begins_clicks_go_on_and_shift_takes_a_range(page: Page, marks: Locator, bar: Locator) -> None:
    expect(bar).to_be_hidden()
    page.locator(".tile").nth(1).hover()
    marks.nth(1).click()
    expect(bar).to_contain_text("已选 1 张")
    page.locator(".tile").nth(4).click(modifiers=["Shift"])
    expect(bar).to_contain_text("已选 4 张")
    page.locator(".tile").nth(2).click()
    expect(bar.get_by_role("status")).to_have_text("已选 3 张")
    expect(marks.nth(2)).not_to_be_checked()
    expect(marks.nth(3)).to_be_checked()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.locator(".tile").nth(2).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_keys_choose_and_enter_still_opens(page: Page, bar: Locator, marks: Locator) -> None:
    page.locator(".tile").first.focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("已选 1 张")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(bar).to_contain_text("已选 3 张")
    page.keyboard.press("Space")
    expect(bar).to_contain_text("已选 2 张")
    page.keyboard.press("Shift+Tab")
    expect(bar.get_by_role("button", name="删除")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=re.compile("IMG|png"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(bar).to_be_visible()
    page.keyboard.press("Control+a")
    expect(bar).to_contain_text(f"已选 {marks.count()} 张")
    bar.get_by_role("button", name="取消选择").click()
    expect(bar).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.tile')")


def test_a_long_press_begins_on_a_phone_and_taps_go_on(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=844, touch=True)
    expect(page.locator(".tile img.is-there").first).to_be_visible()
    tiles = page.locator(".tile")
    touch = {"pointerType": "touch", "isPrimary": True, "clientX": 60, "clientY": 200}
    tiles.first.dispatch_event("pointerdown", touch)
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text("已选 1 张")
    tiles.first.dispatch_event("pointerup", touch)
    tiles.first.dispatch_event("click", {"detail": 1})  # as a browser sends it after a long press
    expect(bar).to_contain_text("已选 1 张")
    tiles.nth(1).tap()
    expect(bar).to_contain_text("已选 2 张")
    assert bar.evaluate("(one) => one.scrollWidth") <= 390
    bar.get_by_role("button", name="取消选择").tap()
    tiles.nth(1).dispatch_event("pointerdown", touch)
    tiles.nth(1).dispatch_event("pointermove", {**touch, "clientY": 250})  # scrolls
    page.wait_for_timeout(700)
    expect(bar).to_be_hidden()


def test_favourites_tags_and_albums_of_many(page: Page, bar: Locator, house: SearchHouse) -> None:
    choose(page, *REDS)
    bar.get_by_role("button", name="收藏").click()
    expect(bar.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "true")
    bar.get_by_role("button", name="标签").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("<i>红色</i>")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("listitem")).to_contain_text("<i>红色</i>")
    page.keyboard.press("Escape")
    bar.get_by_role("button", name="相册").click()
    dialog.get_by_role("textbox").fill("红的")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("listitem")).to_have_text("红的")
    page.keyboard.press("Escape")
    for photo_id in REDS:
        kept = house.photo(photo_id).annotations
        assert (kept.favourite, kept.tags, kept.albums) == (True, ("<i>红色</i>",), ("红的",))
    choose(page, photo_id_of(picture("绿", 2, (120, 80))))
    bar.get_by_role("button", name="标签").click()
    expect(dialog.get_by_role("listitem")).to_contain_text("2")  # two of the three have it
    dialog.get_by_role("button", name="<i>红色</i>", exact=True).click()
    expect(dialog.get_by_role("listitem")).to_have_text("<i>红色</i>")
    dialog.get_by_role("button", name="去掉标签").click()
    expect(dialog.get_by_role("listitem")).to_have_count(0)
    page.keyboard.press("Escape")
    bar.get_by_role("button", name="收藏").click()
    expect(bar.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "true")
    bar.get_by_role("button", name="收藏").click()
    expect(bar.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "false")
    assert not any(house.photo(photo_id).annotations.favourite for photo_id in REDS)


def test_many_are_downloaded_as_one_zip_and_one_as_it_is(page: Page, bar: Locator) -> None:
    choose(page, REDS[0])
    with page.expect_download() as download:
        bar.get_by_role("button", name="下载选中的照片").click()
    assert download.value.suggested_filename == "IMG_20190101_120000.png"
    choose(page, REDS[1])
    with page.expect_download() as download:
        bar.get_by_role("button", name="下载选中的照片").click()
    assert download.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        contents = {photo_id_of(archive.read(name)) for name in archive.namelist()}
    assert contents == set(REDS)


def test_many_are_deleted_and_come_back(page: Page, bar: Locator, house: SearchHouse) -> None:
    choose(page, *REDS)
    bar.get_by_role("button", name="删除").click()
    expect(page.get_by_text("已删除 2 张照片")).to_be_visible()
    expect(bar).to_be_hidden()
    assert not house.listed() & set(REDS)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_text("已恢复")).to_be_visible()
    assert house.listed() >= set(REDS)
    expect(page.locator(f'.tile[href*="{REDS[0]}"]')).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_choosing_is_open_to_everyone(open_page: Callable[..., Page], width: int, scheme: str) -> None:
    page = open_page(width=width)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    expect(page.locator(".tile img.is-there").first).to_be_visible()
    page.locator(".tile").first.focus()
    page.keyboard.press("Space")
    assert violations(page) == [], "chosen"
    page.get_by_role("toolbar").get_by_role("button", name="标签").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("生日")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").locator(".chip")).to_be_visible()
    assert violations(page) == [], "tags"
    page.get_by_role("button", name="去掉标签").click()
    expect(page.get_by_role("dialog").locator(".chip")).to_have_count(0)
