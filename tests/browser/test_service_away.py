"""A search service that stops, is killed and comes back while the page is open. The page is never loaded again."""

from __future__ import annotations

import functools
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import soutu_client.web.client_pool as pool
from colour_encoder import ColourServer
from loopback_ports import free_address
from object_store import serve_folder
from patience import PATIENCE, eventually
from search_house import picture
from search_process import SearchProcess
from soutu_client import Client


class Service:
    """The search service as a process on an address that stays."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.address = free_address()
        self._environment = environment | {"SOUTU_SEARCH_LISTEN": self.address}
        self.start()

    def start(self) -> None:
        self.process = SearchProcess(self._environment)
        self.process.wait_ready()

    def send(self, number: signal.Signals) -> None:
        self.process.popen.send_signal(number)

    def kill(self) -> None:
        self.process.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("away")
    embedding = ColourServer()
    with ExitStack() as stack:
        stack.callback(embedding.stop)
        store = stack.enter_context(serve_folder(tmp_path_factory.mktemp("away-s3")))
        service = Service(
            {
                "SOUTU_SEARCH_METRICS_LISTEN": "",
                "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
                "SOUTU_SEARCH_STORE__URL": store.url,
                "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
                "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
                "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding.address,
                "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
            }
        )
        stack.callback(lambda: service.process.end(signal.SIGKILL))
        with Client(service.address, timeout_seconds=PATIENCE) as client:
            for number in range(120):
                path = folder / f"IMG_2019{number % 12 + 1:02}01_{number:06}.png"
                path.write_bytes(picture("红绿蓝"[number % 3], number, (96, 64)))
                client.upload(path, name=path.name)
            eventually(lambda: client.status().photos_pending == 0)
        yield service


@pytest.fixture(scope="module")
def web(request: pytest.FixtureRequest, house: Any, serve_web: Callable[[Any], Any]) -> Iterator[Any]:
    """The page's server, whose calls end by themselves after so many seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "Client", functools.partial(Client, timeout_seconds=getattr(request, "param", 30.0)))
        yield serve_web(house)


@pytest.fixture
def page(page: Page, house: Service, expected_problems: list[str]) -> Iterator[Page]:
    expected_problems += ["503 (Service Unavailable)", "504 (Gateway Timeout)"]
    page.evaluate("window.isTheSame = true")
    yield page
    house.send(signal.SIGCONT)
    assert page.evaluate("window.isTheSame"), "it was loaded again"


def search(page: Page, words: str) -> None:
    page.get_by_label("想找哪张照片").fill(words)
    page.keyboard.press("Enter")


def is_one_line(page: Page) -> None:
    banner = page.locator(".banner")
    expect(banner).to_contain_text(re.compile("没有回答|没有在规定时间内回答|连不上"))
    expect(banner).to_contain_text("会自动重试")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    assert not re.search(r"Traceback|/tmp/|grpc", page.locator("body").inner_text())


def is_answered(page: Page) -> None:
    expect(page.locator(".banner")).to_be_hidden()
    expect(page.locator(".headline")).to_contain_text("最像的在最前面")
    expect(page.locator(".tile img.is-there").first).to_be_visible()


@pytest.mark.parametrize("web", [30.0, 2.0], ids=["said before the call ends", "said after it"], indirect=True)
def test_a_service_that_stands_still_is_said_and_answers_once_it_goes_on(page: Page, house: Service) -> None:
    house.send(signal.SIGSTOP)
    search(page, "红")
    is_one_line(page)
    house.send(signal.SIGCONT)
    is_answered(page)


def test_a_service_that_is_killed_is_said_and_found_when_it_is_back(page: Page, house: Service) -> None:
    house.kill()
    try:
        search(page, "绿")
        is_one_line(page)
    finally:
        house.start()
    is_answered(page)


def test_pictures_that_did_not_come_are_asked_for_again(page: Page, house: Service) -> None:
    """All photos of the page are known already: nothing but their thumbnails is asked for."""
    page.evaluate(
        """async () => {
            const { results } = await import("/static/js/results.js");
            while (!results.isComplete) await results.more();
        }"""
    )
    house.kill()
    try:
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        is_one_line(page)
        expect(page.locator(".tile img.is-broken").first).to_be_attached()
    finally:
        house.start()
    expect(page.locator(".banner")).to_be_hidden()
    expect(page.locator(".tile img.is-there").last).to_be_in_viewport()
    expect(page.locator(".tile img.is-broken")).to_have_count(0)


def test_the_library_goes_on_telling_when_the_service_is_back(page: Page, house: Service) -> None:
    page.get_by_role("link", name="图库").click()
    expect(page.locator(".count").first).to_contain_text("120")
    house.kill()
    try:
        page.get_by_role("link", name="相似").click()
        page.get_by_role("link", name="图库").click()
        is_one_line(page)
    finally:
        house.start()
    expect(page.locator(".banner")).to_be_hidden()
    expect(page.locator(".count").first).to_contain_text("120")


def test_a_change_that_was_not_made_is_said_and_can_be_made_again(page: Page, house: Service) -> None:
    page.locator(".tile").first.click()
    heart = page.get_by_role("dialog").get_by_role("button", name=re.compile("收藏"))
    house.kill()
    try:
        heart.click()
        expect(page.locator(".problem-toast")).to_contain_text("连不上搜索服务")
        expect(heart).to_have_attribute("aria-pressed", "false")
    finally:
        house.start()
    eventually(lambda: page.request.get("/api/session").ok)
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "false")


def test_an_upload_waits_for_the_service(page: Page, house: Service, tmp_path: Path) -> None:
    (tmp_path / "等.png").write_bytes(picture("红", 5000))
    house.kill()
    try:
        page.get_by_role("link", name="图库").click()
        page.locator(".upload-files").set_input_files(tmp_path / "等.png")
        batch = page.locator(".batch")
        expect(batch).to_contain_text("等它恢复后继续")
    finally:
        house.start()
    expect(batch).to_contain_text("上传完成")
    page.evaluate("""async () => {
        const { tell } = await import("/static/js/api.js");
        const found = await tell("/api/search", { filter: {}, page_size: 200 });
        const photos = found.hits.map((hit) => hit.photo).filter((photo) => photo.names[0].name === "等.png");
        const ids = photos.map((photo) => photo.photo_id);
        if (ids.length !== 1) throw new Error(`${ids.length}`);
        await tell("/api/photos/delete", { photo_ids: ids });
    }""")
