"""A photo opened large: what is known of it, what people write about it, and where it leads."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from picture_files import encoded, scene
from search_house import SearchHouse, photo_id_of, picture

RED = picture("红", 0, (120, 80))
RED_ID = photo_id_of(RED)


@pytest.fixture
def viewer(open_page: Callable[..., Page]) -> Locator:
    page = open_page("/?q=红")
    page.locator(f'.tile[href*="{RED_ID}"]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img.picture")).to_have_attribute("src", re.compile("original"))
    return dialog


def test_what_is_known_is_said_and_the_original_is_shown(viewer: Locator) -> None:
    expect(viewer).to_contain_text("2019年1月1日")
    expect(viewer).to_contain_text("120 × 80")
    expect(viewer).to_contain_text("IMG_20190101_120000.png")
    assert viewer.locator("img.picture").evaluate("(image) => image.naturalWidth") == 120


def test_arrows_lead_to_the_neighbours_and_the_url_follows(viewer: Locator) -> None:
    page = viewer.page
    start = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(start)
    expect(viewer.locator("img.picture")).to_have_attribute("src", re.compile("original"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(start)
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=%E7%BA%A2$"))


def test_the_back_button_closes_it(viewer: Locator) -> None:
    viewer.page.go_back()
    expect(viewer).to_have_count(0)


def test_the_focus_stays_inside(viewer: Locator) -> None:
    for _ in range(25):
        viewer.page.keyboard.press("Tab")
        assert viewer.page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )


def test_a_swipe_leads_to_the_next(open_page: Callable[..., Page]) -> None:
    page = open_page("/?q=红", width=390, height=844, touch=True)
    page.locator(".tile").first.click()
    stage = page.locator(".stage")
    expect(stage).to_be_visible()
    start = page.url
    touch = {"pointerType": "touch", "isPrimary": True, "clientY": 300}
    stage.dispatch_event("pointerdown", {**touch, "clientX": 300})
    stage.dispatch_event("pointerup", {**touch, "clientX": 120})
    expect(page).not_to_have_url(start)


def test_favourites_tags_and_captions_are_kept(viewer: Locator, house: SearchHouse) -> None:
    page = viewer.page
    viewer.get_by_role("button", name="收藏").click()
    expect(viewer.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "true")
    viewer.get_by_role("textbox", name="添加标签").fill("<b>生日</b>")
    page.keyboard.press("Enter")
    expect(viewer.locator(".chip")).to_have_text("<b>生日</b>")
    viewer.get_by_role("textbox", name="说明").fill("外婆的生日")
    page.keyboard.press("Enter")
    expect(page.get_by_text("已保存")).to_be_visible()
    kept = house.photo(RED_ID).annotations
    assert (kept.favourite, kept.tags, kept.caption) == (True, ("<b>生日</b>",), "外婆的生日")
    viewer.get_by_role("button", name="去掉标签").click()
    expect(viewer.locator(".chip")).to_have_count(0)
    viewer.get_by_role("button", name="收藏").click()
    expect(viewer.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "false")


def test_similar_photos_are_found(viewer: Locator) -> None:
    viewer.get_by_role("button", name="相似的照片").click()
    page = viewer.page
    expect(viewer).to_have_count(0)
    expect(page).to_have_url(re.compile(f"like={RED_ID}"))
    expect(page.locator(".query-chips .chip")).to_contain_text("和这张照片相似")


def test_finding_by_a_photo_and_words_starts_in_the_box(viewer: Locator) -> None:
    viewer.get_by_role("button", name="用这张照片加上文字来找").click()
    page = viewer.page
    expect(page.get_by_label("想找哪张照片")).to_be_focused()
    page.keyboard.type("绿")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"q=%E7%BB%BF&like={RED_ID}"))
    expect(page.locator(".query-chips .chip")).to_have_count(2)


def test_a_folder_filters_by_it(open_page: Callable[..., Page]) -> None:
    page = open_page("/?q=红&folder=旅行")
    page.locator(".tile").first.click()
    page.get_by_role("dialog").get_by_role("button", name="2019/").click()
    expect(page.locator(".query-chips .chip")).to_contain_text("旅行/2019")
    expect(page.locator(".tile")).to_have_count(3)


def test_the_original_is_downloaded_under_its_name(viewer: Locator) -> None:
    with viewer.page.expect_download() as download:
        viewer.get_by_role("link", name="下载原图").click()
    assert download.value.suggested_filename == "IMG_20190101_120000.png"
    assert download.value.path().read_bytes() == RED


def test_a_deleted_photo_comes_back_by_undo(viewer: Locator, house: SearchHouse) -> None:
    page = viewer.page
    viewer.get_by_role("button", name="删除").click()
    expect(page).not_to_have_url(re.compile(RED_ID))
    assert RED_ID not in house.listed()
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_text("已恢复")).to_be_visible()
    assert RED_ID in house.listed()
    page.keyboard.press("Escape")
    expect(page.locator(f'.tile[href*="{RED_ID}"]')).to_be_visible()


def test_the_place_is_told_and_copied(open_page: Callable[..., Page], house: SearchHouse) -> None:
    exif = Image.Exif()
    exif[0x0110] = "<i>Kamera</i>"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 15.0, 0.0), 3: "E", 4: (120.0, 30.0, 0.0)})
    photo_id = house.upload("湖.jpg", encoded("JPEG", scene(), exif=exif.tobytes()))
    house.settled()
    page = open_page(f"/?photo={photo_id}")
    viewer = page.get_by_role("dialog")
    expect(viewer).to_contain_text("30.25000, 120.50000")
    expect(viewer.get_by_role("button", name="<i>Kamera</i>")).to_be_visible()
    viewer.get_by_role("button", name="复制坐标").click()
    expect(page.get_by_text("已复制")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "30.25000, 120.50000"


def test_what_browsers_cannot_show_is_shown_as_a_jpeg_and_said(open_page: Callable[..., Page], house: SearchHouse) -> None:
    photo_id = house.upload("手机.heic", encoded("HEIF", scene(1600, 1200)))
    house.settled()
    page = open_page(f"/?photo={photo_id}")
    expect(page.locator(".stage-note")).to_contain_text("JPEG")
    expect(page.locator("img.picture")).to_have_attribute("src", re.compile("thumbnail.large=true"))
    assert page.locator("img.picture").evaluate("(image) => image.naturalWidth") == 1600


def test_a_heavy_original_is_loaded_for_a_closer_look_alone(open_page: Callable[..., Page], house: SearchHouse) -> None:
    photo_id = house.upload("全景.png", encoded("PNG", scene(2400, 600)))
    house.settled()
    page = open_page("/")
    page.route(
        "**/picture_sources.js",
        lambda route: route.fulfill(body=route.fetch().text().replace("8_000_000", "1_000"), content_type="text/javascript"),
    )
    page.goto(f"/?photo={photo_id}")
    picture = page.locator("img.picture")
    expect(picture).to_have_attribute("src", re.compile("large=true"))
    assert picture.evaluate("(image) => image.naturalWidth") == 2048
    page.keyboard.press("+")
    expect(picture).to_have_attribute("src", re.compile("original"))
    assert picture.evaluate("(image) => image.naturalWidth") == 2400


def test_a_photo_that_is_not_there_is_said(open_page: Callable[..., Page], expected_problems: list[str]) -> None:
    expected_problems.append("404 (Not Found)")
    page = open_page(f"/?photo={'0' * 32}")
    expect(page.locator(".problem-toast")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
