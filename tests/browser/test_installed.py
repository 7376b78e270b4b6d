"""The page as an app: installed, offline, renewed, and shared to."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from patience import eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client.web import application

READY = "navigator.serviceWorker.ready.then(() => undefined)"


@pytest.fixture
def context(browser: Browser, web: Any) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=web.url, locale="zh-CN")
    yield opened
    opened.close()


@pytest.fixture
def app(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/")
    page.evaluate(READY)
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    return page


def test_it_can_be_installed(app: Page) -> None:
    session = app.context.new_cdp_session(app)
    problems = [one["errorId"] for one in session.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert problems == ["in-incognito"]  # as every test's browser is
    assert session.send("Page.getAppManifest")["errors"] == []
    icons = app.evaluate("fetch('/manifest.webmanifest').then((answer) => answer.json()).then((manifest) => manifest.icons)")
    purposes = {(one.get("purpose", "any"), one["sizes"]) for one in icons if one["type"] == "image/png"}
    assert purposes == {(purpose, size) for purpose in ("any", "maskable") for size in ("192x192", "512x512")}
    for one in icons:
        width = "(source) => new Promise((done) => Object.assign(new Image(), { src: source, onload() { done(this.width); } }))"
        assert app.evaluate(width, one["src"]) == int(one["sizes"].partition("x")[0]) if one["sizes"] != "any" else True


def test_it_opens_offline_after_one_visit_and_goes_on_by_itself(app: Page) -> None:
    app.context.set_offline(True)
    app.reload()
    expect(app.get_by_role("heading", name="现在连不上家里")).to_be_visible()
    expect(app.locator(".banner")).to_contain_text("连不上")
    app.context.set_offline(False)
    expect(app.locator(".tile").first).to_be_visible()
    expect(app.get_by_role("heading", name="现在连不上家里")).to_have_count(0)


def test_nothing_of_the_api_is_kept(app: Page) -> None:
    expect(app.locator(".tile img.is-there").first).to_be_visible()
    app.reload()
    expect(app.locator(".tile img.is-there").first).to_be_visible()
    names = """caches.keys().then((all) => Promise.all(all.map(async (name) =>
        (await (await caches.open(name)).keys()).map((one) => new URL(one.url).pathname)))).then((all) => all.flat())"""
    kept = app.evaluate(names)
    assert {"/", "/static/js/app.js", "/static/css/base.css"} <= set(kept)
    assert not [path for path in kept if path.startswith("/api")]


def test_a_new_version_replaces_the_old_one_whole(app: Page, web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = app.evaluate("caches.keys()")
    folder = tmp_path / "static"
    shutil.copytree(application._STATIC, folder)
    (folder / "icons/icon.svg").rename(folder / "icons/newer.svg")
    web.stop()
    with monkeypatch.context() as newer:
        newer.setattr(application, "_STATIC", folder)
        web.start()
        try:
            app.evaluate("navigator.serviceWorker.ready.then((one) => one.update()).then(() => undefined)")
            eventually(lambda: app.evaluate("caches.keys()") not in (before, []) and len(app.evaluate("caches.keys()")) == 1)
            kept = app.evaluate(
                "caches.keys().then(async ([name]) => (await (await caches.open(name)).keys()).map((one) => one.url))"
            )
        finally:
            web.stop()
    web.start()
    assert f"{web.url}/static/icons/newer.svg" in kept
    assert f"{web.url}/static/icons/icon.svg" not in kept
    assert f"{web.url}/static/js/app.js" in kept


@pytest.fixture
def share(app: Page, tmp_path: Path) -> Callable[..., None]:
    """Share files, or words, as Android does."""

    def send(*files: tuple[str, bytes], text: str = "") -> None:
        app.evaluate(
            """() => {
                const form = document.createElement("form");
                Object.assign(form, { action: "/share", method: "post", enctype: "multipart/form-data", id: "sharing" });
                form.innerHTML = '<input type="file" name="pictures" multiple><input name="text">';
                document.body.append(form);
            }"""
        )
        for name, data in files:
            (tmp_path / name).write_bytes(data)
        app.locator("#sharing [type=file]").set_input_files([tmp_path / name for name, _ in files])
        app.locator("#sharing [name=text]").fill(text)
        app.evaluate("document.getElementById('sharing').submit()")

    return send


def test_a_shared_picture_is_searched_by(app: Page, share: Callable[..., None]) -> None:
    share(("分享 1.png", picture("绿", 900)))
    dialog = app.get_by_role("dialog", name="收到 1 张图片")
    dialog.get_by_role("button", name="用它搜索").click()
    expect(app.locator(".query-chips .chip img")).to_be_visible()
    app.reload()
    expect(app.locator(".tile").first).to_be_visible()
    expect(dialog).to_have_count(0)  # it was taken


def test_shared_pictures_are_added(app: Page, share: Callable[..., None], house: SearchHouse) -> None:
    new = [picture("蓝", 901), picture("蓝", 902)]
    share(*((f"分享 {number}.png", data) for number, data in enumerate(new)))
    dialog = app.get_by_role("dialog", name="收到 2 张图片")
    dialog.get_by_role("button", name="存入图库").click()
    expect(app.locator(".batch")).to_contain_text("上传完成")
    assert house.photo(photo_id_of(new[0])).name == "分享 0.png"
    assert photo_id_of(new[1]) in house.listed()


def test_shared_words_are_searched_for(app: Page, share: Callable[..., None]) -> None:
    share(text="红 & <b>")
    expect(app).to_have_url(re.compile(r"q="))
    expect(app.get_by_label("想找哪张照片")).to_have_value("红 & <b>")
