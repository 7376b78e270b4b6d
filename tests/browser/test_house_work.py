"""The library's work: files that are missing, jobs that are steered, and another model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from axe_violations import violations
from colour_encoder import ColourEncoder, ColourServer
from object_store import serve_folder
from patience import eventually
from search_house import SearchHouse, picture
from soutu_client import JobState

KEYS = [f"盘/<i>{number}</i>.png" for number in range(8)]


@pytest.fixture
def models() -> Iterator[ColourServer]:
    server = ColourServer(ColourEncoder("colours"), ColourEncoder("colours-new", dimension=7))
    yield server
    server.stop()


@pytest.fixture
def house(
    models: ColourServer, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SearchHouse]:
    """Eight photos and two models, of which one has seen them."""
    monkeypatch.setattr("soutu_services.search.embedder_watch._PROBE_SECONDS", 0.1)
    with ExitStack() as stack:
        store = stack.enter_context(serve_folder(tmp_path_factory.mktemp("s3")))
        running = SearchHouse(
            tmp_path_factory.mktemp("house"), store, models, "work", sync={"interval_seconds": 0, "gone_objects": 2}
        )
        stack.callback(running.close)
        for encoder in models.encoders:
            stack.callback(encoder.gate.set)  # first, or the house waits for what is held
        for number, key in enumerate(KEYS):
            running.upload(key, picture("红", number))
        running.settled()
        running.sync()
        yield running


@pytest.fixture
def web(house: SearchHouse, serve_web: Callable[..., object]) -> object:
    return serve_web(house)


@pytest.fixture
def library(open_page: Callable[..., Page]) -> Page:
    page = open_page("/?view=library")
    expect(page.locator(".count").first).to_be_visible()
    return page


@pytest.fixture
def missing(house: SearchHouse) -> SearchHouse:
    photos = house.bucket("photos")
    for key in KEYS[:5]:
        photos.remove(key)
    eventually(lambda: len(house.keys("photos")) == 3)
    house.sync()
    return house


def test_what_is_missing_waits_for_a_word(missing: SearchHouse, library: Page) -> None:
    notice = library.get_by_role("region", name="里有 5 个文件不见了")
    expect(notice.get_by_role("listitem")).to_have_count(5)
    expect(notice.get_by_role("listitem").first).to_have_text(KEYS[0])
    assert violations(library) == []
    notice.get_by_role("button", name="继续等待").click()
    expect(notice).to_contain_text("正在等它们回来")
    assert len(missing.listed()) == 8
    notice.get_by_role("button", name="确实删除了").click()
    sure = library.get_by_role("alertdialog")
    expect(sure).to_contain_text("这 5 个文件确实删除了？")
    assert violations(library) == []
    sure.get_by_role("button", name="取消").click()
    assert len(missing.listed()) == 8
    notice.get_by_role("button", name="确实删除了").click()
    sure.get_by_role("button", name="确实删除了").click()
    expect(library.locator(".count").first).to_contain_text("3")
    expect(notice).to_have_count(0)
    assert len(missing.listed()) == 3


def test_what_comes_back_is_no_longer_missing(missing: SearchHouse, library: Page) -> None:
    notice = library.get_by_role("region", name="里有 5 个文件不见了")
    expect(notice).to_be_visible()
    for number, key in enumerate(KEYS[:5]):
        missing.bucket("photos").put(key, picture("红", number))
    eventually(lambda: len(missing.keys("photos")) == 8)
    library.get_by_role("button", name="立即同步").click()
    expect(notice).to_have_count(0)
    expect(library.locator(".count").first).to_contain_text("8")


@pytest.mark.parametrize("width", [1280, 390])
def test_another_model_takes_over_and_the_work_is_steered(
    house: SearchHouse, models: ColourServer, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page("/?view=library", width=width)
    new = page.locator(".model").filter(has_text="colours-new")
    models.encoders[1].gate.clear()
    new.get_by_role("button", name="开始重建索引").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("要处理 8 张照片")
    page.get_by_role("alertdialog").get_by_role("button", name="开始重建索引").click()
    job = page.locator(".job").filter(has_text="重建索引 · 进行中")
    expect(job).to_be_visible()
    assert violations(page) == []
    job.get_by_role("button", name="暂停").click()
    paused = page.locator(".job").filter(has_text="重建索引 · 已暂停")
    expect(paused).to_be_visible()
    assert house.client.status().jobs[0].state is JobState.PAUSED
    paused.get_by_role("button", name="继续").click()
    expect(job).to_be_visible()
    models.encoders[1].gate.set()
    expect(page.locator(".job").filter(has_text="重建索引 · 完成")).to_be_visible()
    expect(new).to_contain_text("正在使用")
    expect(page.locator(".job").get_by_role("button")).to_have_count(0)
    old = page.locator(".model").filter(has_text=re.compile("colours(?!-new)"))
    old.get_by_role("button", name="换用").click()
    expect(old).to_contain_text("正在使用")
    expect(new.get_by_role("button", name="换用")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_work_is_cancelled(house: SearchHouse, models: ColourServer, library: Page) -> None:
    models.encoders[1].gate.clear()
    house.client.start_reindex()
    job = library.locator(".job")
    job.get_by_role("button", name="取消").click()
    expect(job).to_contain_text("已取消")
    eventually(lambda: not house.client.status().jobs)
