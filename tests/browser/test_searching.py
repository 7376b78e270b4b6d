"""Finding: words, pictures, what is not wanted, and how it all stands in the URL."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from search_house import SearchHouse, photo_id_of, picture
from soutu_client.cli.query_line import NOT_WEIGHT

RED, GREEN, BLUE = (picture(colour, number, (120, 80)) for colour, number in (("红", 0), ("绿", 2), ("蓝", 4)))


def search(page: Page, words: str) -> None:
    page.get_by_role("search").get_by_role("textbox").fill(words)
    page.keyboard.press("Enter")
    expect(page.locator(".is-asking")).to_have_count(0)


def first_photo(page: Page) -> str:
    address = page.locator(".tile").first.get_attribute("href") or ""
    return re.sub(r".*photo=", "", address)


def of_colour(colour: str) -> set[str]:
    return {photo_id_of(picture(colour, number, (120, 80))) for number in range(6)}


def test_without_words_all_photos_are_there_the_newest_first(page: Page) -> None:
    expect(page.locator(".tile-item").first).to_have_attribute("aria-setsize", "8")
    expect(page.locator(".headline")).to_contain_text("8")
    expect(page.get_by_role("heading", name="2019年")).to_be_visible()


def test_words_find_and_the_back_button_leads_back(page: Page) -> None:
    search(page, "红")
    expect(page).to_have_url(re.compile(r"\?q=%E7%BA%A2$"))
    assert first_photo(page) in of_colour("红")
    search(page, "蓝")
    assert first_photo(page) in of_colour("蓝")
    page.go_back()
    expect(page.get_by_label("想找哪张照片")).to_have_value("红")
    expect(page.locator(".is-asking")).to_have_count(0)
    assert first_photo(page) in of_colour("红")


def test_a_link_to_a_question_is_answered(open_page: Callable[..., Page]) -> None:
    page = open_page("/?q=绿")
    expect(page.locator(".tile").first).to_be_visible()
    assert first_photo(page) in of_colour("绿")


def test_what_is_not_wanted_weighs_what_it_does_at_the_command_line(page: Page) -> None:
    with page.expect_request("**/api/search") as asked:
        search(page, "红 -绿")
    terms = json.loads(asked.value.post_data or "")["terms"]
    assert terms == [{"text": "红", "weight": 1}, {"text": "绿", "weight": NOT_WEIGHT}]


def test_words_with_a_minus_become_chips_that_can_be_turned_and_removed(page: Page) -> None:
    search(page, "红 -绿")
    chips = page.locator(".query-chips .chip")
    expect(chips).to_have_text([re.compile("红"), re.compile("不要绿")])
    page.get_by_role("button", name="“绿”：要或不要").click()
    expect(page.get_by_label("想找哪张照片")).to_have_value("红 绿")
    page.get_by_label("想找哪张照片").fill("红 -绿")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="去掉“绿”").click()
    expect(page.get_by_label("想找哪张照片")).to_have_value("红")
    expect(chips).to_have_count(0)


def test_a_chosen_picture_finds_its_like(page: Page, red_file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="用图片搜索").click()
    chooser.value.set_files(red_file)
    expect(page.locator(".query-chips .chip img")).to_be_visible()
    expect(page.locator(".is-asking")).to_have_count(0)
    assert first_photo(page) in of_colour("红")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_can_be_dropped_or_pasted(page: Page, way: str) -> None:
    page.evaluate(
        """async ([way, base64]) => {
            const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "green.png", { type: "image/png" }));
            if (way === "paste") {
                document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
                return;
            }
            const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
            const send = (target, type) => target.dispatchEvent(new DragEvent(type, options));
            send(document.body, "dragenter");
            send(document.querySelector(".zone"), "dragover");
            send(document.querySelector(".zone"), "drop");
        }""",
        [way, base64.b64encode(picture("绿", 88)).decode()],
    )
    expect(page.locator(".query-chips .chip img")).to_be_visible()
    expect(page.locator(".is-asking")).to_have_count(0)
    assert first_photo(page) in of_colour("绿")


def test_keys_move_between_the_photos_open_one_and_lead_back(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_label("想找哪张照片")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('.tile[data-index="1"]')).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert below > page.locator('.tile[data-index="1"]').evaluate("(tile) => tile.getBoundingClientRect().top")
    index = page.evaluate("document.activeElement.dataset.index")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(f'.tile[data-index="{index}"]')).to_be_focused()


def test_what_an_answer_leaves_out_is_said(page: Page, house: SearchHouse) -> None:
    house.embedding.stop()
    try:
        search(page, "家")
        expect(page.locator(".notice")).to_be_visible()
    finally:
        house.embedding.start()


def test_a_question_that_is_refused_is_one_line(page: Page, expected_problems: list[str]) -> None:
    expected_problems.append("400 (Bad Request)")
    page.goto("/?from=gestern")
    expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_contain_text("日期")


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_nothing_is_wider_than_the_window(open_page: Callable[..., Page], width: int) -> None:
    for path in ("/?q=红 -绿 -蓝&folder=旅行", "/?view=library", "/?view=duplicates"):
        page = open_page(path, width=width, height=740, touch=width < 1000)
        expect(page.locator("main > *")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ends = page.locator("header button, header a").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().right)"
        )
        assert max(ends) <= width


def test_thousands_of_photos_leave_few_elements_in_the_page(page: Page) -> None:
    """The answers are made here: the house has eight photos."""
    photo = page.request.get(f"/api/photos/{photo_id_of(RED)}").json()

    def answer(route: Route) -> None:
        first = int(json.loads(route.request.post_data or "{}")["page_token"] or 0)
        photos = [{**photo, "photo_id": f"{number:032x}", "width": 80 + number % 90} for number in range(first, first + 500)]
        hits = [{"photo": one, "score": 1, "cosine": 1, "matches": []} for one in photos]
        route.fulfill(json={"hits": hits, "next_page_token": str(first + 500), "notices": []})

    thumbnail = page.request.get(f"/api/photos/{photo_id_of(RED)}/thumbnail").body()
    page.route("**/api/search", answer)
    page.route("**/thumbnail", lambda route: route.fulfill(body=thumbnail, content_type="image/jpeg"))
    search(page, "很多")
    page.evaluate(
        """async () => {
            const { results } = await import("/static/js/results.js");
            while (results.photos.length < 5000) {
                scrollTo(0, document.documentElement.scrollHeight);
                await new Promise((resolve) => setTimeout(resolve, 5));
            }
        }"""
    )
    expect(page.locator(".tile img.is-there").last).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator('.tile[data-index="0"]')).to_be_in_viewport()
    assert page.locator(".tile").count() < 200
