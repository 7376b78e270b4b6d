"""Tokens: logging in, and what guests see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from search_house import SearchHouse
from soutu_services.runtime.access import Scope


@pytest.fixture(scope="module")
def web(house: SearchHouse, serve_web: Callable[[SearchHouse], Any]) -> Any:
    house.restart(tokens="required")
    return serve_web(house)


@pytest.fixture
def log_in(open_page: Callable[..., Page], house: SearchHouse, expected_problems: list[str]) -> Callable[[Scope], Page]:
    def opened(scope: Scope) -> Page:
        expected_problems.append("401 (Unauthorized)")
        secret = house.service.access.create(name="外婆", scope=scope, folders=())[1]
        page = open_page()
        page.get_by_label("令牌").fill(secret)
        page.get_by_role("button", name="登录").click()
        expect(page.locator(".tile").first).to_be_visible()
        return page

    return opened


def test_a_wrong_token_is_refused_and_a_right_one_opens(log_in: Callable[[Scope], Page], open_page: Callable[..., Page]) -> None:
    page = log_in(Scope.WRITE)
    page.get_by_role("button", name="设置").click()
    expect(page.get_by_text("已登录：外婆")).to_be_visible()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("令牌").fill("soutu_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text=re.compile("令牌|token"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_guests_see_photos_and_nothing_that_changes_them(log_in: Callable[[Scope], Page]) -> None:
    page = log_in(Scope.READ)
    page.locator(".tile").first.click()
    viewer = page.get_by_role("dialog")
    expect(viewer.get_by_role("link", name="下载原图")).to_be_visible()
    for name in ("收藏", "删除"):
        expect(viewer.get_by_role("button", name=name)).to_have_count(0)
    expect(viewer.get_by_role("textbox")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="图库").click()
    expect(page.locator(".count").first).to_be_visible()
    for name in ("立即同步", "选择文件"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("link", name="相似").click()
    expect(page.get_by_role("group")).to_have_count(1)
    expect(page.get_by_role("button", name="留选中的")).to_have_count(0)
