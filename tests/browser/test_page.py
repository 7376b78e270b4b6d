"""The page itself: lost connections, languages, appearance, and what it may load."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, expect


def test_a_lost_connection_is_said_and_the_page_goes_on_by_itself(page: Page, web: Any, expected_problems: list[str]) -> None:
    expected_problems.append("net::ERR_CONNECTION_REFUSED")
    web.stop()
    try:
        page.get_by_label("想找哪张照片").fill("红")
        page.keyboard.press("Enter")
        expect(page.locator(".banner")).to_contain_text("连不上")
    finally:
        web.start()
    expect(page.locator(".banner")).to_be_hidden()
    expect(page.locator(".headline")).to_contain_text("最像的在最前面")
    expect(page.locator(".tile").first).to_be_visible()


def test_english_is_spoken_where_it_is_wanted_and_kept(open_page: Callable[..., Page]) -> None:
    page = open_page(locale="en-GB")
    expect(page.get_by_role("link", name="Library")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("link", name="图库")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="图库")).to_be_visible()


def test_a_chosen_appearance_is_kept(page: Page) -> None:
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="设置").click()
    page.get_by_role("button", name="深色").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_systems_appearance_is_followed_until_another_is_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.get_by_role("button", name="设置").click()
    page.get_by_role("button", name="浅色").click()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="深色").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark


def test_both_languages_say_everything(page: Page) -> None:
    said = page.evaluate("fetch('/static/js/strings.js').then((answer) => answer.text())")
    entries = re.findall(r"^  (\w+): \[(.*?)\],$", said, re.MULTILINE | re.DOTALL)
    assert len(entries) > 150
    for key, both in entries:
        chinese, english = json.loads(f"[{both.strip().rstrip(',')}]")
        assert bool(chinese) == bool(english), key


def test_what_can_be_pressed_has_a_name(open_page: Callable[..., Page]) -> None:
    for path in ("/", "/?view=library", "/?view=duplicates"):
        page = open_page(path)
        page.wait_for_load_state("networkidle")
        nameless = """[...document.querySelectorAll('button, a, input, textarea')].filter((one) =>
            !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length)).length"""
        assert page.evaluate(nameless) == 0


def test_the_shell_is_kept_for_moments_without_a_network(browser: Browser, web: Any) -> None:
    context = browser.new_context(base_url=web.url, locale="zh-CN")
    try:
        page = context.new_page()
        page.goto("/")
        page.evaluate("navigator.serviceWorker.ready.then(() => new Promise((resolve) => setTimeout(resolve, 200)))")
        page.reload()
        expect(page.locator(".tile").first).to_be_visible()
        names = "caches.keys().then(async ([name]) => (await (await caches.open(name)).keys()).map((one) => one.url))"
        kept = {url.removeprefix(web.url) for url in page.evaluate(names)}
        assert "/" in kept
        assert "/static/js/app.js" in kept
        assert not [path for path in kept if path.startswith("/api")]
        context.set_offline(True)
        page.reload()
        expect(page.locator(".banner")).to_contain_text("连不上")
        context.set_offline(False)
        expect(page.locator(".tile").first).to_be_visible()
    finally:
        context.close()
