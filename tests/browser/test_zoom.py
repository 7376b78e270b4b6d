"""Looking closer at a photo: buttons, keys, the wheel, a double click, two fingers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from axe_violations import violations
from picture_files import encoded, scene
from search_house import photo_id_of

LARGE = photo_id_of(encoded("PNG", scene(480, 320)))


@pytest.fixture
def viewer(open_page: Callable[..., Page]) -> Locator:
    page = open_page(f"/?q=家&photo={LARGE}")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img.picture")).to_have_attribute("src", re.compile("original"))
    return dialog


def scale(viewer: Locator) -> float:
    return float(viewer.locator("img.picture").evaluate("(one) => new DOMMatrix(getComputedStyle(one).transform).a"))


def middle(viewer: Locator) -> list[float]:
    return list(
        viewer.locator("img.picture").evaluate(
            "(one) => { const m = new DOMMatrix(getComputedStyle(one).transform); return [m.e, m.f]; }"
        )
    )


def test_keys_zoom_pan_and_lead_back(viewer: Locator) -> None:
    page = viewer.page
    start = page.url
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale(viewer) == pytest.approx(2.25)
    expect(page.locator(".for-ears[role=status]")).to_have_text("225%")
    page.keyboard.press("ArrowRight")
    assert middle(viewer)[0] < 0
    assert page.url == start
    page.keyboard.press("-")
    assert scale(viewer) == pytest.approx(1.5)
    page.keyboard.press("0")
    assert (scale(viewer), middle(viewer)) == (1, [0, 0])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(start)


def test_the_button_zooms_and_another_photo_is_whole_again(viewer: Locator) -> None:
    viewer.get_by_role("button", name="放大").click()
    assert scale(viewer) > 2
    assert violations(viewer.page) == []
    expect(viewer.get_by_role("button", name="看整张")).to_be_focused()
    viewer.page.locator(".step:enabled").first.click()
    expect(viewer.get_by_role("button", name="放大")).to_be_visible()
    assert scale(viewer) == 1


def test_the_wheel_zooms_where_the_pointer_is_and_the_picture_is_dragged_no_further_than_its_edge(viewer: Locator) -> None:
    page = viewer.page
    box = viewer.locator(".stage").bounding_box()
    assert box is not None
    corner = box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5
    page.mouse.move(*corner)
    page.mouse.wheel(0, -500)
    expect(viewer.locator(".is-close")).to_be_visible()
    assert middle(viewer)[0] > 0  # what is under the pointer stays there
    page.mouse.down()
    page.mouse.move(corner[0] + 5000, corner[1], steps=3)
    page.mouse.up()
    picture = viewer.locator("img.picture").evaluate("(one) => one.getBoundingClientRect().left")
    assert picture <= box["x"] + 1
    page.mouse.move(*corner)
    page.mouse.wheel(0, 5000)
    expect(viewer.locator(".is-close")).to_have_count(0)
    assert middle(viewer) == [0, 0]


def test_a_double_click_zooms_and_another_leads_back(viewer: Locator) -> None:
    viewer.locator(".stage").dblclick()
    assert scale(viewer) > 2
    viewer.locator(".stage").dblclick()
    assert scale(viewer) == 1


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Locator:
    page = open_page(f"/?q=家&photo={LARGE}", width=390, height=844, touch=True)
    expect(page.locator("img.picture")).to_have_attribute("src", re.compile("original"))
    return page.get_by_role("dialog")


@pytest.fixture
def touch(phone: Locator) -> Callable[..., None]:
    """Touch the screen with fingers at these points."""
    fingers = phone.page.context.new_cdp_session(phone.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    return send


def test_two_fingers_zoom_one_drags_and_none_leads_to_the_next(phone: Locator, touch: Callable[..., None]) -> None:
    page = phone.page
    start = page.url
    touch("touchStart", (180, 300))
    touch("touchStart", (180, 300), (210, 300))
    for apart in (40, 60, 90):
        touch("touchMove", (195 - apart, 300), (195 + apart, 300))
    touch("touchEnd", (105, 300))
    touch("touchEnd")
    expect(phone.locator(".is-close")).to_be_visible()
    assert scale(phone) > 2
    before = middle(phone)
    touch("touchStart", (300, 300))
    for x in (250, 200, 150):
        touch("touchMove", (x, 300))
    touch("touchEnd")
    assert middle(phone)[0] < before[0]
    assert page.url == start


def test_a_double_tap_zooms(phone: Locator, touch: Callable[..., None]) -> None:
    for _ in range(2):
        touch("touchStart", (195, 300))
        touch("touchEnd")
    expect(phone.locator(".is-close")).to_be_visible()
    assert scale(phone) > 2


def test_nothing_of_the_bar_is_lost_on_a_narrow_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(f"/?photo={LARGE}", width=360, height=740, touch=True)
    tools = page.locator(".viewer-tools")
    expect(tools.get_by_role("button", name="放大")).to_be_visible()
    assert tools.evaluate("(one) => one.scrollWidth") <= 360
