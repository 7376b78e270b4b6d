"""What axe-core finds in each view: nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from axe_violations import violations


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_view_is_closed_to_anyone(open_page: Callable[..., Page], width: int, scheme: str) -> None:
    page = open_page(width=width)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    expect(page.locator(".tile img.is-there").first).to_be_visible()
    assert violations(page) == [], "photos"
    page.get_by_label("想找哪张照片").fill("红 -绿")
    page.keyboard.press("Enter")
    expect(page.locator(".headline")).to_contain_text("最像的在最前面")
    assert violations(page) == [], "results"
    page.locator(".tile").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == [], "one photo"
    page.keyboard.press("Escape")
    for name in ("图库", "相似"):
        page.get_by_role("link", name=name).click()
        expect(page.locator("h1").filter(visible=True).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], name
