"""A search service whose photos are plain colours, and frames in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from colour_encoder import ColourServer
from frame_run import FrameRun
from object_store import serve_folder
from search_house import SearchHouse, picture

SHOWN = {"红": (200, 20, 20), "绿": (20, 200, 20), "蓝": (20, 20, 200)}


@pytest.fixture(scope="module")
def last_year() -> date:
    """A day a year ago, which is there in every year."""
    return date(date.today().year - 1, date.today().month, min(date.today().day, 28))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, last_year: date) -> Iterator[SearchHouse]:
    embedding = ColourServer()
    with serve_folder(tmp_path_factory.mktemp("frame-s3")) as store:
        running = SearchHouse(tmp_path_factory.mktemp("frame-house"), store, embedding, "frame")
        ids = [running.upload(f"旅行/IMG_{2015 + n}0712_1000{n:02}.png", picture(c, n)) for n, c in enumerate(SHOWN)]
        ids.append(running.upload(f"旅行/IMG_{last_year:%Y%m%d}_100003.png", picture("蓝", 3)))
        running.client.wait_until_ready(ids)
        running.client.annotate(ids[:1], caption="红色的海 a red sea", add_albums=["一本"])
        yield running
        running.close()
    embedding.stop()


@pytest.fixture
def run(house: SearchHouse, tmp_path: Path) -> Iterator[Callable[..., FrameRun]]:
    """Start frames with settings."""
    running: list[FrameRun] = []

    def start(address: str = "", *, folder: Path = tmp_path, **settings: str) -> FrameRun:
        running.append(FrameRun(address or house.address, folder, **settings))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for each in running:
        each.close()
