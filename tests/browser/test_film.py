"""Videos, raw files and Live Photos on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from film_files import film
from patience import eventually
from picture_files import encoded, scene
from raw_files import dng
from search_house import SearchHouse

_COLOURS = [Image.new("RGB", (320, 240), colour) for colour in ("#c01010", "#10c010", "#1010c0")]


@pytest.fixture(scope="module")
def media(house: SearchHouse) -> dict[str, str]:
    """A film of three colours, a Live Photo and a raw file with its JPEG: the ids of their photos by name."""
    files = {
        "片/VID_1.mp4": film([(colour, 2.0) for colour in _COLOURS], size=(320, 240)),
        "片/IMG_2.jpg": encoded("JPEG", scene(480, 320)),
        "片/IMG_2.mov": film([(_COLOURS[1], 1.0)], container="mov", size=(320, 240)),
        "片/IMG_3.jpg": encoded("JPEG", scene(420, 320)),
        "片/IMG_3.dng": dng(scene(420, 320)),
    }
    ids = {name: house.upload(name, data) for name, data in files.items()}
    house.settled()
    return {name: ids[name] for name in ("片/VID_1.mp4", "片/IMG_2.jpg", "片/IMG_3.jpg")}


def test_a_film_is_played_from_what_was_looked_for(open_page: Callable[..., Page], media: dict[str, str]) -> None:
    page = open_page("/?q=蓝&kind=VIDEO")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".badge")).to_have_text("▶ 0:04")
    page.locator(".tile").click()
    player = page.locator("video.film")
    expect(player).to_be_visible()
    eventually(lambda: player.evaluate("player => player.readyState >= 2"))
    assert player.evaluate("player => [player.error, player.videoWidth, Math.round(player.duration)]") == [None, 320, 6]
    assert 4 <= player.evaluate("player => player.currentTime") < 6
    player.evaluate("async player => { player.currentTime = 1; await player.play() }")
    eventually(lambda: player.evaluate("player => player.currentTime > 1.2"))
    expect(page.locator(".zoom-button")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(player).to_have_count(0)


def test_the_clip_of_a_live_photo_plays_over_its_picture(open_page: Callable[..., Page], media: dict[str, str]) -> None:
    page = open_page(f"/?photo={media['片/IMG_2.jpg']}")
    button = page.get_by_role("button", name="播放实况")
    expect(page.locator("img.picture")).to_be_visible()
    button.hover()
    expect(page.locator("video.live-clip")).to_be_visible()
    eventually(lambda: page.evaluate("() => document.querySelector('video.live-clip')?.currentTime > 0"))
    page.mouse.move(640, 600)
    expect(page.locator("video.live-clip")).to_have_count(0)


def test_each_file_of_a_photo_can_be_downloaded(open_page: Callable[..., Page], media: dict[str, str], tmp_path: Path) -> None:
    page = open_page(f"/?photo={media['片/IMG_3.jpg']}")
    line = page.get_by_role("link", name="IMG_3.dng")
    expect(line).to_contain_text("RAW")
    with page.expect_download() as download:
        line.click()
    download.value.save_as(tmp_path / "saved")
    assert download.value.suggested_filename == "IMG_3.dng"
    assert (tmp_path / "saved").read_bytes() == dng(scene(420, 320))


def test_badges_tell_what_a_photo_is_and_videos_can_be_asked_for(open_page: Callable[..., Page], media: dict[str, str]) -> None:
    page = open_page("/?folder=片")
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".badge")).to_have_count(3)
    assert sorted(page.locator(".badge").all_inner_texts()) == ["LIVE", "RAW", "▶ 0:06"]
    page.get_by_role("button", name="筛选").first.click()
    page.get_by_label("视频", exact=True).check()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".query-chips")).to_contain_text("视频")
