"""The page in a real browser, over a real house. One browser for all, and one house with its page for each module."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from chromium import chromium_program, running_chromium
from colour_encoder import ColourServer
from loopback_ports import free_address
from object_store import serve_folder
from patience import PATIENCE
from picture_files import encoded, scene
from search_house import SearchHouse, picture
from soutu_client import Feedback
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings

_WAIT_SECONDS = 20.0


class WebServer:
    """The page's server in a thread, which can go away and come back on its address."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self.feedback = Feedback(settings.feedback_folder or Path())
        self.url = f"http://{settings.listen}"
        self.start()

    def start(self) -> None:
        application = create_application(self._settings)
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                host=self._settings.host,
                port=self._settings.port,
                log_level="error",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()
        give_up_at = time.monotonic() + PATIENCE
        while not self._server.started:
            assert self._thread.is_alive() and time.monotonic() < give_up_at, "the page's server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium_program()
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with running_chromium(program) as running:
        expect.set_options(timeout=1000 * _WAIT_SECONDS)
        yield running


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchHouse]:
    """Eight photos in two folders, two of them nearly the same, and one file that is no picture."""
    embedding = ColourServer()
    with ExitStack() as stack:
        stack.callback(embedding.stop)
        store = stack.enter_context(serve_folder(tmp_path_factory.mktemp("s3")))
        running = SearchHouse(tmp_path_factory.mktemp("house"), store, embedding, "browser")
        stack.callback(running.close)
        for number, colour in enumerate("红红绿绿蓝蓝"):
            name = f"{'旅行/2019' if number % 2 else '家'}/IMG_20190{number + 1}01_120000.png"
            running.upload(name, picture(colour, number, (120, 80)))
        running.upload("家/大.png", encoded("PNG", scene(480, 320)))
        running.upload("家/小.png", encoded("PNG", scene(240, 160)))
        running.bucket("photos").put("家/坏.jpg", b"no picture at all")
        running.sync()
        running.settled()
        yield running


@pytest.fixture(scope="module")
def serve_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[SearchHouse], WebServer]]:
    with ExitStack() as stack:

        def serve(house: SearchHouse) -> WebServer:
            folder = tmp_path_factory.mktemp("feedback")
            server = WebServer(WebSettings(address=house.address, listen=free_address(), feedback_folder=folder))
            stack.callback(server.stop)
            return server

        yield serve


@pytest.fixture(scope="module")
def web(house: SearchHouse, serve_web: Callable[[SearchHouse], WebServer]) -> WebServer:
    return serve_web(house)


@pytest.fixture
def expected_problems() -> list[str]:
    """Parts of console messages that a test provokes; all others fail it."""
    return ["Service Worker registration blocked by Playwright"]


@pytest.fixture
def open_page(browser: Browser, web: WebServer, expected_problems: list[str]) -> Iterator[Callable[..., Page]]:
    """Open the page at a path, in Chinese and 1280 pixels wide unless told otherwise."""
    said: list[str] = []
    with ExitStack() as stack:

        def start(path: str = "/", *, width: int = 1280, height: int = 800, locale: str = "zh-CN", touch: bool = False) -> Page:
            context = browser.new_context(
                base_url=web.url,
                locale=locale,
                viewport={"width": width, "height": height},
                has_touch=touch,
                permissions=["clipboard-read", "clipboard-write"],
                service_workers="block",
            )
            stack.callback(context.close)
            context.set_default_timeout(1000 * _WAIT_SECONDS)
            page = context.new_page()
            page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(path)
            return page

        yield start
    assert [one for one in said if not any(part in one for part in expected_problems)] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    opened = open_page()
    expect(opened.locator(".tile img.is-there").first).to_be_visible()
    return opened


@pytest.fixture
def red_file(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(picture("红", 77))
    return path
