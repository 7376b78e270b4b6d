"""Learning from use: the owner's switch, what is recorded then, and "not this"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from axe_violations import violations
from browser.conftest import WebServer
from patience import eventually
from search_house import photo_id_of, picture
from soutu_client import Deed, ImageTerm, TextTerm

RED = [photo_id_of(picture("红", number, (120, 80))) for number in (0, 1)]


@pytest.fixture(autouse=True)
def _off_before_and_after(web: WebServer) -> Iterator[None]:
    web.feedback.turn(is_on=False)
    web.feedback.clear()
    yield
    web.feedback.turn(is_on=False)
    web.feedback.clear()


@pytest.fixture
def recording(web: WebServer) -> WebServer:
    web.feedback.turn(is_on=True)
    return web


def deeds(web: WebServer) -> list[tuple[Deed, str, int]]:
    return [(use.did, use.photo_id, use.rank) for use in web.feedback.read().uses]


def recorded(web: WebServer, *expected: tuple[Deed, str, int]) -> None:
    eventually(lambda: len(deeds(web)) >= len(expected))
    assert deeds(web) == list(expected)


def order(page: Page) -> list[str]:
    """Ids of the photos that are shown, in their order."""
    expect(page.locator(".headline")).to_contain_text(re.compile("最像的|Best"))
    return [re.search("photo=([0-9a-f]+)", tile.get_attribute("href") or "")[1] for tile in page.locator(".tile").all()]  # type: ignore[index]


def test_nothing_is_offered_or_recorded_while_it_is_off(open_page: Callable[..., Page], web: WebServer) -> None:
    page = open_page("/?q=红")
    page.locator(".tile").first.click()
    viewer = page.get_by_role("dialog")
    expect(viewer.get_by_role("link", name="下载原图")).to_be_visible()
    assert viewer.get_by_role("button", name="不是这个").count() == 0
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    assert page.locator(".not-mark").count() == 0
    assert deeds(web) == []


@pytest.mark.parametrize(("width", "locale"), [(1280, "zh-CN"), (390, "en-GB")])
def test_the_owner_turns_it_on_sees_and_erases_it(
    open_page: Callable[..., Page], web: WebServer, width: int, locale: str
) -> None:
    page = open_page("/?view=library", width=width, locale=locale)
    is_chinese = locale == "zh-CN"
    switch = page.get_by_role("switch", name="记下怎样使用搜索结果" if is_chinese else "Keep how search results are used")
    expect(switch).not_to_be_checked()
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    eventually(lambda: web.feedback.is_on)
    page.goto("/?q=红")
    first = order(page)[0]
    page.locator(".tile").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    recorded(web, (Deed.OPEN, first, 1))
    page.goto("/?view=library")
    expect(page.locator(".use-kept")).to_contain_text(re.compile("已记下 1 条|1 kept"))
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="下载查看" if is_chinese else "Download to see it").click()
    assert first in download.value.path().read_text("utf-8")
    page.get_by_role("button", name="全部删除" if is_chinese else "Erase all").click()
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_role("button", name="全部删除" if is_chinese else "Erase all").click()
    expect(page.locator(".use-kept")).to_contain_text(re.compile("还没有|Nothing"))
    assert deeds(web) == []
    page.locator(".use-switch").uncheck()
    eventually(lambda: not web.feedback.is_on)


def test_not_this_takes_a_photo_out_at_once_and_back(open_page: Callable[..., Page], recording: WebServer) -> None:
    page = open_page("/?q=红 -绿")
    first, second, third = order(page)[:3]
    tile = page.locator(f'.tile-item:has([href*="{second}"])')
    tile.hover()
    tile.get_by_role("button", name="不是这个").click()
    expect(tile).to_have_count(0)
    expect(page.get_by_text("已从这次结果里去掉，并记下“不是这个”")).to_be_visible()
    assert order(page)[:2] == [first, third]
    page.get_by_role("button", name="撤销").click()
    expect(tile).to_have_count(1)
    assert order(page)[:3] == [first, second, third]
    recorded(recording, (Deed.NOT_THIS, second, 2), (Deed.TAKE_BACK, second, 2))
    assert recording.feedback.read().uses[0].terms == (TextTerm("红"), TextTerm("绿", -0.5))


def test_not_this_by_keys_in_the_grid_and_in_the_viewer(open_page: Callable[..., Page], recording: WebServer) -> None:
    page = open_page("/?q=红")
    first, second, third, fourth = order(page)[:4]
    page.locator(".tile").first.focus()
    page.keyboard.press("n")
    expect(page.locator(f'.tile[href*="{first}"]')).to_have_count(0)
    expect(page.locator(f'.tile[href*="{second}"]')).to_be_focused()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    expect(viewer.get_by_role("button", name="不是这个")).to_be_visible()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(third))
    viewer.get_by_role("button", name="不是这个").click()
    expect(page).to_have_url(re.compile(fourth))
    viewer.get_by_role("button", name="收藏").click()
    expect(viewer.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "true")
    viewer.get_by_role("button", name="收藏").click()
    expect(viewer.get_by_role("button", name="收藏")).to_have_attribute("aria-pressed", "false")
    with page.expect_download():
        viewer.get_by_role("link", name="下载原图").click()
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    assert order(page)[0] == fourth
    recorded(
        recording,
        (Deed.NOT_THIS, first, 1),
        (Deed.OPEN, second, 2),
        (Deed.NOT_THIS, second, 2),
        (Deed.NOT_THIS, third, 3),
        (Deed.FAVOURITE, fourth, 4),
        (Deed.DOWNLOAD, fourth, 4),
    )


def test_not_these_on_a_phone(open_page: Callable[..., Page], recording: WebServer) -> None:
    page = open_page("/?q=红", width=390, height=844, touch=True, locale="en-GB")
    first, second, *_ = order(page)
    assert not page.locator(".not-mark").first.is_visible()
    press = {"pointerType": "touch", "isPrimary": True, "bubbles": True}
    page.locator(f'.tile[href*="{first}"]').dispatch_event("pointerdown", press)
    expect(page.locator(".tile-item.is-picked")).to_have_count(1)
    page.locator(f'.tile[href*="{first}"]').dispatch_event("pointerup", press)
    page.locator(f'.tile[href*="{first}"]').dispatch_event("click")
    page.locator(f'.tile[href*="{second}"]').click()
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text("2 chosen")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bar.get_by_role("button", name="Not these").click()
    expect(bar).to_be_hidden()
    assert not {first, second} & set(order(page))
    recorded(recording, (Deed.NOT_THIS, first, 1), (Deed.NOT_THIS, second, 2))


@pytest.mark.parametrize("path", ["/", "/?album=无", "/?folder=家"])
def test_what_no_search_found_is_not_recorded(open_page: Callable[..., Page], recording: WebServer, path: str) -> None:
    page = open_page(path)
    expect(page.locator(".nothing:visible, .tile").first).to_be_visible()
    if page.locator(".tile").count():
        page.locator(".tile").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("n")
        assert page.get_by_role("button", name="不是这个").count() == 0
    assert deeds(recording) == []


def test_of_a_picture_nothing_is_sent(open_page: Callable[..., Page], recording: WebServer, red_file: object) -> None:
    page = open_page("/")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.post_data or "") if one.url.endswith("/uses") else None)
    page.locator('input[type="file"]').first.set_input_files(str(red_file))
    expect(page.locator(".query-chips .chip")).to_have_count(1)
    order(page)
    page.locator(".tile").first.click()
    eventually(lambda: bool(deeds(recording)))
    assert recording.feedback.read().uses[0].terms == (ImageTerm(b""),)
    assert len(sent[0]) < 200


def test_what_cannot_be_kept_is_said_and_comes_back(
    open_page: Callable[..., Page], recording: WebServer, expected_problems: list[str]
) -> None:
    expected_problems.append("500 (Internal Server Error)")
    page = open_page("/?q=红")
    first = order(page)[0]
    page.route("**/api/feedback/uses", lambda route: route.fulfill(status=500, json={"reason": "INTERNAL", "message": "坏了"}))
    page.locator(".tile").first.focus()
    page.keyboard.press("n")
    expect(page.locator(".problem-toast")).to_contain_text("坏了")
    assert order(page)[0] == first


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_view_is_closed_to_anyone_while_it_is_on(
    open_page: Callable[..., Page], recording: WebServer, width: int, scheme: str
) -> None:
    page = open_page("/?q=红", width=width)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    order(page)
    page.locator(".tile-item").first.hover()
    assert violations(page) == [], "results"
    page.locator(".tile").first.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="不是这个")).to_be_visible()
    assert violations(page) == [], "one photo"


def test_everything_is_within_reach_of_a_small_phone(open_page: Callable[..., Page], recording: WebServer) -> None:
    page = open_page("/?q=红", width=360, height=700, touch=True, locale="en-GB")
    order(page)
    page.locator(".tile").first.click()
    tools = page.locator(".viewer-tools .icon-button")
    expect(tools).to_have_count(8)
    edges = tools.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right])")
    assert all(right <= left for (_, right), (left, _) in itertools.pairwise(edges)), "none lies over another"
    assert edges[-1][1] <= 360
