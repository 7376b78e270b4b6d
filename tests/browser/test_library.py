"""The library: how it is, adding to it, and what was deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from search_house import SearchHouse, photo_id_of, picture


@pytest.fixture
def library(open_page: Callable[..., Page]) -> Page:
    page = open_page("/?view=library")
    expect(page.locator(".count").first).to_be_visible()
    return page


def test_counts_sources_and_what_cannot_be_read_are_told(library: Page) -> None:
    expect(library.locator(".count").first).to_contain_text("8")
    expect(library.get_by_text("识图服务")).to_be_visible()
    expect(library.get_by_text("家/坏.jpg")).to_be_visible()


def test_a_sync_is_followed_to_its_end(library: Page) -> None:
    library.get_by_role("button", name="立即同步").click()
    expect(library.locator(".job")).to_contain_text("完成")


def test_files_are_uploaded_and_each_failure_is_said(library: Page, house: SearchHouse, tmp_path: Path) -> None:
    new = picture("绿", 500)
    files = {"新.png": new, "又.png": picture("红", 0, (120, 80)), "空.jpg": b""}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    library.locator(".upload-files").set_input_files([tmp_path / name for name in files])
    batch = library.locator(".batch")
    expect(batch).to_contain_text(re.compile("上传(完成|结束)"))
    expect(batch).to_contain_text("1 张已经有了")
    assert photo_id_of(new) in house.listed()
    failed = batch.locator(".failures li")
    if failed.count():
        expect(failed).to_contain_text("空.jpg")
    batch.get_by_role("button", name="关闭").click()
    expect(batch).to_have_count(0)


def test_a_folder_keeps_its_name(library: Page, house: SearchHouse, tmp_path: Path) -> None:
    folder = tmp_path / "夏天"
    folder.mkdir()
    (folder / "海.png").write_bytes(picture("蓝", 501))
    (folder / ".DS_Store").write_bytes(b"left by a system")
    library.locator(".upload-folder").set_input_files(folder)
    expect(library.locator(".batch")).to_contain_text("上传完成")
    assert house.photo(photo_id_of(picture("蓝", 501))).name == "夏天/海.png"


def test_an_upload_that_is_refused_is_listed_with_its_reason(library: Page, expected_problems: list[str], tmp_path: Path) -> None:
    expected_problems.append("413")
    library.route("**/api/uploads*", lambda route: route.fulfill(status=413, json={"reason": "TOO_LARGE", "message": "文件太大"}))
    (tmp_path / "大.png").write_bytes(picture("红", 502))
    library.locator(".upload-files").set_input_files(tmp_path / "大.png")
    expect(library.locator(".failures li")).to_have_text("大.png 文件太大")


def test_an_upload_can_be_cancelled(library: Page, tmp_path: Path) -> None:
    library.route("**/api/uploads*", lambda _route: None)  # never answered
    names = [f"{number}.png" for number in range(5)]
    for name in names:
        (tmp_path / name).write_bytes(picture("红", 503))
    library.locator(".upload-files").set_input_files([tmp_path / name for name in names])
    library.get_by_role("button", name="取消").click()
    expect(library.locator(".batch")).to_contain_text("上传已取消")
    expect(library.locator(".failures li")).to_have_count(0)


def test_deleted_photos_are_brought_back(library: Page, house: SearchHouse) -> None:
    gone = photo_id_of(picture("蓝", 4, (120, 80)))
    house.client.delete([gone])
    library.reload()
    library.get_by_role("button", name="恢复").click()
    expect(library.get_by_role("button", name="恢复")).to_have_count(0)
    assert gone in house.listed()
