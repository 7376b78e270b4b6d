"""Connections that are cut in the middle of an upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cutting_proxy import CuttingProxy, cutting_proxy
from search_house import SearchHouse, photo_id_of, picture


@pytest.fixture(scope="module")
def proxy(house: SearchHouse, serve_web: Callable[[SearchHouse], Any]) -> Iterator[CuttingProxy]:
    server = serve_web(house)
    with cutting_proxy(server.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture(scope="module")
def web(proxy: CuttingProxy) -> Any:
    return SimpleNamespace(url=f"http://{proxy.address}")


@pytest.fixture
def library(open_page: Callable[..., Page], proxy: CuttingProxy, expected_problems: list[str]) -> Iterator[Page]:
    expected_problems.append("net::ERR_")
    page = open_page("/?view=library")
    expect(page.locator(".count").first).to_be_visible()
    yield page
    proxy.mend()


def large(number: int) -> bytes:
    """A photo of some megabytes."""
    return picture("红", number, (90, 60)) + np.random.default_rng(number).bytes(4 << 20)


def test_an_upload_that_is_cut_is_said_and_goes_on_by_itself(
    library: Page, house: SearchHouse, proxy: CuttingProxy, tmp_path: Path
) -> None:
    files = {f"断{number}.png": large(900 + number) for number in range(4)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    before = house.client.status().photos
    proxy.cut_after_bytes = 1 << 20
    library.locator(".upload-files").set_input_files([tmp_path / name for name in files])
    batch = library.locator(".batch")
    expect(batch).to_contain_text("连接断开，等它恢复后继续")
    expect(library.locator(".banner")).to_contain_text("连不上")
    assert proxy.cut.is_set()
    assert house.client.status().photos == before
    proxy.mend()
    expect(library.locator(".banner")).to_be_hidden()
    expect(batch).to_contain_text("上传完成")
    expect(batch).to_contain_text("新增 4 张")
    house.settled()
    assert house.client.status().photos == before + 4
    for name, data in files.items():
        assert [one.name for one in house.photo(photo_id_of(data)).names] == [name]
        assert house.bucket("photos").read(name, max_bytes=1 << 30) == data
    assert {name for name in house.keys("photos") if name.startswith("断")} == set(files)


def test_an_upload_whose_answer_is_lost_is_in_the_library_once(
    library: Page, house: SearchHouse, proxy: CuttingProxy, tmp_path: Path
) -> None:
    data = large(950)
    (tmp_path / "答.png").write_bytes(data)
    proxy.cut_after_bytes, proxy.loses_answers = 4 << 20, True
    library.locator(".upload-files").set_input_files(tmp_path / "答.png")
    batch = library.locator(".batch")
    expect(batch).to_contain_text("等它恢复后继续")
    assert photo_id_of(data) in house.listed()
    proxy.mend()
    expect(batch).to_contain_text("上传完成")
    expect(batch).to_contain_text("1 张已经有了")
    assert [one.name for one in house.photo(photo_id_of(data)).names] == ["答.png"]


def test_what_failed_again_and_again_is_sent_again_by_one_click(library: Page, house: SearchHouse, tmp_path: Path) -> None:
    data = picture("蓝", 960)
    (tmp_path / "再.png").write_bytes(data)
    library.evaluate("""() => {
        const timeout = window.setTimeout;
        window.setTimeout = (work, wait, ...rest) => timeout(work, Math.min(wait ?? 0, 50), ...rest);
    }""")
    library.route("**/api/uploads*", lambda route: route.abort("connectionreset"))
    library.locator(".upload-files").set_input_files(tmp_path / "再.png")
    batch = library.locator(".batch")
    expect(batch.locator(".failures li")).to_have_text("再.png 连接断开，没有上传，请再试一次")
    library.unroute("**/api/uploads*")
    batch.get_by_role("button", name="再传失败的 1 个").click()
    expect(batch).to_have_count(1)
    expect(batch).to_contain_text("新增 1 张")
    assert photo_id_of(data) in house.listed()


def test_an_upload_that_waits_can_be_cancelled(library: Page, proxy: CuttingProxy, tmp_path: Path) -> None:
    (tmp_path / "停.png").write_bytes(large(970))
    proxy.cut_after_bytes = 1 << 20
    library.locator(".upload-files").set_input_files(tmp_path / "停.png")
    batch = library.locator(".batch")
    expect(batch).to_contain_text("等它恢复后继续")
    batch.get_by_role("button", name="取消").click()
    expect(batch).to_contain_text("上传已取消")
    expect(batch.locator(".failures li")).to_have_count(0)
    proxy.mend()
    expect(library.locator(".banner")).to_be_hidden()
