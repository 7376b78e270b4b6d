"""Albums: begun, filled, opened, renamed, and ended."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from axe_violations import violations
from search_house import SearchHouse, photo_id_of, picture

REDS = [photo_id_of(picture("红", number, (120, 80))) for number in range(2)]
NAME = "<b>红</b> 2019/夏"


@pytest.fixture
def albums(open_page: Callable[..., Page]) -> Page:
    page = open_page("/?view=albums")
    expect(page.get_by_role("heading", name="相册")).to_be_visible()
    return page


@pytest.fixture
def album(house: SearchHouse, albums: Page) -> Page:
    house.client.annotate(REDS, add_albums=[NAME])
    albums.reload()
    albums.get_by_role("link", name=NAME).click()
    expect(albums.get_by_role("heading", name=NAME)).to_be_visible()
    return albums


@pytest.fixture(autouse=True)
def _no_albums(house: SearchHouse) -> None:
    house.client.annotate(REDS, remove_albums=[NAME, "别的"])


def test_an_album_is_begun_and_its_photos_chosen(albums: Page, house: SearchHouse) -> None:
    expect(albums.get_by_text("还没有相册")).to_be_visible()
    albums.get_by_role("button", name="新建相册").click()
    albums.get_by_label("相册的名字").fill(NAME)
    albums.keyboard.press("Enter")
    bar = albums.get_by_role("toolbar")
    expect(bar).to_contain_text(f"点选要放进“{NAME}”的照片")
    expect(bar.get_by_role("button", name="放进相册")).to_be_disabled()
    for photo_id in REDS:
        albums.locator(f'.tile[href*="{photo_id}"]').click()
    bar.get_by_role("button", name="放进相册").click()
    expect(albums.get_by_role("heading", name=NAME)).to_be_visible()
    expect(albums.locator(".tile")).to_have_count(2)
    expect(bar).to_be_hidden()
    assert all(house.photo(photo_id).annotations.albums == (NAME,) for photo_id in REDS)


def test_albums_show_their_cover_and_count_and_open(album: Page) -> None:
    expect(album.locator(".tile")).to_have_count(2)
    album.get_by_role("button", name="全部相册").click()
    card = album.get_by_role("link", name=NAME)
    expect(card).to_contain_text("2 张照片")
    expect(card.locator("img")).to_have_attribute("src", re.compile("|".join(REDS)))
    album.go_back()
    expect(album.get_by_role("heading", name=NAME)).to_be_visible()


def test_an_album_takes_another_name(album: Page, house: SearchHouse) -> None:
    album.get_by_role("button", name="改名").click()
    expect(album.get_by_label("相册的名字")).to_have_value(NAME)
    album.get_by_label("相册的名字").fill("别的")
    album.get_by_role("button", name="保存").click()
    expect(album.get_by_role("heading", name="别的")).to_be_visible()
    expect(album.locator(".tile")).to_have_count(2)
    assert house.photo(REDS[0]).annotations.albums == ("别的",)


def test_an_album_ends_only_when_it_is_meant(album: Page, house: SearchHouse) -> None:
    album.get_by_role("button", name="解散相册").click()
    album.get_by_role("alertdialog").get_by_role("button", name="取消").click()
    assert house.photo(REDS[0]).annotations.albums == (NAME,)
    album.get_by_role("button", name="解散相册").click()
    album.get_by_role("alertdialog").get_by_role("button", name="解散相册").click()
    expect(album.get_by_text("还没有相册")).to_be_visible()
    assert house.photo(REDS[0]).annotations.albums == ()
    assert house.listed() >= set(REDS)


def test_a_photo_tells_its_albums_and_is_taken_out_of_one(album: Page, house: SearchHouse) -> None:
    album.locator(f'.tile[href*="{REDS[0]}"]').click()
    viewer = album.get_by_role("dialog")
    expect(viewer.get_by_role("button", name=NAME)).to_be_visible()
    viewer.get_by_role("button", name="放进相册…").click()
    labels = album.get_by_role("dialog", name="相册 · 1 张照片")
    labels.get_by_role("textbox").fill("别的")
    album.keyboard.press("Enter")
    expect(labels.get_by_role("listitem")).to_have_count(2)
    labels.get_by_role("button", name=f"从相册“{NAME}”里拿出").click()
    expect(labels.get_by_role("listitem")).to_have_text(["别的"])
    album.keyboard.press("Escape")
    expect(viewer.get_by_role("button", name="放进相册…")).to_be_focused()
    expect(viewer.get_by_role("button", name="别的")).to_be_visible()
    assert house.photo(REDS[0]).annotations.albums == ("别的",)


def test_photos_that_are_taken_out_leave_the_album(album: Page) -> None:
    album.locator(f'.tile[href*="{REDS[1]}"]').focus()
    album.keyboard.press("Space")
    album.get_by_role("toolbar").get_by_role("button", name="相册").click()
    album.get_by_role("button", name=f"从相册“{NAME}”里拿出").click()
    expect(album.locator(".tile")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_albums_are_open_to_everyone(open_page: Callable[..., Page], house: SearchHouse, width: int, scheme: str) -> None:
    house.client.annotate(REDS, add_albums=[NAME])
    page = open_page("/?view=albums", width=width)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    expect(page.locator(".album-cover img")).to_be_visible()
    assert violations(page) == [], "albums"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".album").click()
    expect(page.locator(".tile img.is-there").first).to_be_visible()
    assert violations(page) == [], "one album"
    page.get_by_role("button", name="解散相册").click()
    assert violations(page) == [], "ending it"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="改名").click()
    assert violations(page) == [], "its name"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="添加照片").click()
    expect(page.get_by_role("toolbar")).to_be_visible()
    assert violations(page) == [], "choosing for it"
