"""What people give to the page by mistake: each is said in one line, and the page goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from search_house import SearchHouse, photo_id_of, picture

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script><rect width="9" height="9"/></svg>'


@pytest.fixture
def library(open_page: Callable[..., Page]) -> Page:
    page = open_page("/?view=library")
    expect(page.locator(".count").first).to_be_visible()
    return page


def search(page: Page, words: str) -> None:
    page.get_by_role("search").get_by_role("textbox").fill(words)
    page.keyboard.press("Enter")
    expect(page.locator(".is-asking")).to_have_count(0)


def goes_on(page: Page) -> None:
    """See that the page still finds photos."""
    search(page, "红")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".headline")).to_contain_text("最像的在最前面")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(library: Page, house: SearchHouse, tmp_path: Path) -> None:
    new = picture("绿", 700)
    (tmp_path / "小.png").write_bytes(new)
    with (tmp_path / "影片.jpg").open("wb") as file:
        file.truncate(300 << 20)
    sent: list[str] = []
    library.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    library.locator(".upload-files").set_input_files([tmp_path / "影片.jpg", tmp_path / "小.png"])
    batch = library.locator(".batch")
    expect(batch).to_contain_text("上传结束，1 个失败")
    expect(batch.locator(".failures li")).to_have_text("影片.jpg 文件有 300 MiB，超过 256 MiB 的上限，没有上传")
    expect(batch.get_by_role("button", name="再传失败的")).to_have_count(0)
    assert len(sent) == 1
    assert photo_id_of(new) in house.listed()


def test_a_text_that_is_called_jpg_is_listed_with_the_reason(library: Page, house: SearchHouse, tmp_path: Path) -> None:
    (tmp_path / "清单.jpg").write_text("牛奶\n鸡蛋\n", encoding="utf-8")
    library.locator(".upload-files").set_input_files(tmp_path / "清单.jpg")
    expect(library.locator(".batch")).to_contain_text("上传完成")
    unreadable = library.locator("li").filter(has_text="清单.jpg")
    expect(unreadable).to_contain_text("不是图片")
    goes_on(library)


@pytest.mark.parametrize(
    "words", ["很" * 10_000, "long " * 2_000, "-不" * 5_000, "👨‍👩‍👧‍👦" * 900], ids=["text", "words", "not", "emoji"]
)
def test_a_question_that_is_too_long_is_one_line(page: Page, words: str, expected_problems: list[str]) -> None:
    expected_problems.append("400 (Bad Request)")
    search(page, words)
    alert = page.get_by_role("alert").filter(visible=True)
    expect(alert).to_have_count(1)
    expect(alert).to_contain_text("1000 个字，请缩短")
    line = alert.evaluate("(alert) => [alert.clientHeight, parseFloat(getComputedStyle(alert).lineHeight)]")
    assert line[0] < 4 * line[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    goes_on(page)
    expect(alert).to_have_count(0)
    page.reload()
    expect(page.locator(".tile").first).to_be_visible()


def test_a_link_to_a_question_that_is_too_long_is_one_line(open_page: Callable[..., Page], expected_problems: list[str]) -> None:
    expected_problems.append("400 (Bad Request)")
    page = open_page(f"/?q={'很' * 5_000}")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("1000 个字，请缩短")
    goes_on(page)


@pytest.mark.parametrize(
    "words", ["🐶", "🏳️‍🌈 👨‍👩‍👧‍👦", "红 -🐱", "\u202e反\u0000\ud83d"]
)  # the last: turned around, and half an emoji
def test_an_emoji_is_a_question_like_any_other(page: Page, words: str) -> None:
    field = page.get_by_label("想找哪张照片")
    field.evaluate("(field, words) => { field.value = JSON.parse(words); }", json.dumps(words))
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q="))
    expect(page.locator(".is-asking")).to_have_count(0)
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)
    expect(page.locator(".tile").first).to_be_visible()
    goes_on(page)


def test_a_drawing_is_no_photo_and_is_not_run(
    library: Page, house: SearchHouse, expected_problems: list[str], tmp_path: Path
) -> None:
    expected_problems.append("400 (Bad Request)")
    library.on("dialog", lambda dialog: pytest.fail("a script ran"))
    (tmp_path / "画.svg").write_bytes(SVG)
    (tmp_path / "画.jpg").write_bytes(SVG)
    library.locator(".upload-files").set_input_files([tmp_path / "画.svg", tmp_path / "画.jpg"])
    batch = library.locator(".batch")
    expect(batch).to_contain_text("上传结束，1 个失败")
    expect(batch.locator(".failures li")).to_contain_text("画.svg")
    expect(batch.locator(".failures li")).to_contain_text("不是照片")
    expect(library.locator("li").filter(has_text="画.jpg")).to_be_visible()
    goes_on(library)


def test_a_search_by_what_is_no_picture_is_one_line(page: Page, expected_problems: list[str], tmp_path: Path) -> None:
    expected_problems.append("400 (Bad Request)")
    for name, data in (("画.svg", SVG), ("清单.jpg", b"no picture")):
        (tmp_path / name).write_bytes(data)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="用图片搜索").click()
        chooser.value.set_files(tmp_path / name)
        expect(page.locator(".is-asking")).to_have_count(0)
        alert = page.get_by_role("alert").filter(visible=True)
        expect(alert).to_contain_text("图片")
        page.goto("/")
        expect(page.locator(".tile img.is-there").first).to_be_visible()
    goes_on(page)


@pytest.mark.parametrize(("mebibytes", "problem"), [(300, "图片太大"), (0, "图片是空的")])
def test_a_picture_that_cannot_be_searched_by_is_not_sent(page: Page, tmp_path: Path, mebibytes: int, problem: str) -> None:
    with (tmp_path / "影片.jpg").open("wb") as file:
        file.truncate(mebibytes << 20)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="用图片搜索").click()
    chooser.value.set_files(tmp_path / "影片.jpg")
    expect(page.locator(".problem-toast")).to_contain_text(problem)
    assert sent == []
    goes_on(page)
