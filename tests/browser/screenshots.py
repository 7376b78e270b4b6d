"""Pictures of every view, on a desktop and on a phone, over the sample photos: ``make screenshots``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from bench.throwaway_house import throwaway_house
from chromium import chromium_program, running_chromium
from soutu_client import Client

_SAMPLES = Path(__file__).parents[2] / "deploy/samples"
_SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
_NEWEST = 1_560_000_000
"""8 June 2019."""
_APART_SECONDS = 90_000
_SETTLING_MILLISECONDS = 600


def main() -> int:
    """Make the pictures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".screenshots"), help="folder that they are put into")
    parser.add_argument("--language", choices=("zh-CN", "en-GB"), default="zh-CN")
    asked = parser.parse_args()
    program = chromium_program()
    if program is None:
        sys.stderr.write("no Chromium here: apt-get install chromium\n")
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    with throwaway_house(has_page=True) as house, Client(house.address) as client, running_chromium(program) as browser:
        _fill(client)
        for size, (width, height) in _SIZES.items():
            for scheme in ("light", "dark"):
                for name, view in _VIEWS.items():
                    path = asked.out / f"{name}-{size}-{scheme}.jpg"
                    _picture(browser, house.page, view, path, width=width, height=height, scheme=scheme, language=asked.language)
    sys.stdout.write(f"{asked.out}\n")
    return 0


def _fill(client: Client) -> None:
    """Add the samples, as if taken in some months, a copy of one that is nearly the same, and what a family writes about them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(_SAMPLES, Path(temporary) / "samples"))
        (folder / "CREDITS.md").unlink()
        copy = folder / "chelsea-small.jpg"
        with Image.open(_SAMPLES / "chelsea.jpg") as picture:
            picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(copy, quality=88)
        for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
            taken = _NEWEST - _APART_SECONDS * number**2
            os.utime(path, (taken, taken))
        added = client.add(sorted(folder.iterdir())).added
    client.wait_until_ready([file.photo_id for file in added])
    photos = {photo.name: photo.photo_id for photo in client.list_photos().photos}
    cat = next(photo_id for name, photo_id in photos.items() if name.endswith("chelsea.jpg"))
    client.annotate([cat], favourite=True, caption="切尔西在窗边", add_tags=["猫", "家里"])
    for album, folder_name in (("旅行", "旅行"), ("家里的日子", "家里")):
        client.annotate([each for name, each in photos.items() if name.startswith(folder_name)], add_albums=[album])


def _picture(
    browser: Browser,
    url: str,
    view: Callable[[Page], None],
    path: Path,
    *,
    width: int,
    height: int,
    scheme: str,
    language: str,
) -> None:
    context = browser.new_context(
        base_url=url,
        locale=language,
        viewport={"width": width, "height": height},
        has_touch=width < 600,
        is_mobile=width < 600,
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        service_workers="block",
    )
    page = context.new_page()
    view(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(_SETTLING_MILLISECONDS)
    page.screenshot(path=path, type="jpeg", quality=85)
    context.close()


def _photos(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".tile img.is-there").first).to_be_visible()


def _found(page: Page) -> None:
    page.goto("/?q=山和湖")
    expect(page.locator(".tile img.is-there").first).to_be_visible()


def _photo(page: Page) -> None:
    page.goto("/?q=切尔西")
    page.locator(".tile").first.click()
    expect(page.locator(".picture[src$=original]")).to_be_visible()


def _close(page: Page) -> None:
    _photo(page)
    page.keyboard.press("+")
    page.keyboard.press("+")


def _chosen(page: Page) -> None:
    _photos(page)
    page.locator(".tile").nth(1).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")


def _tags(page: Page) -> None:
    _chosen(page)
    page.locator(".selection-bar button").nth(2).click()


def _filters(page: Page) -> None:
    _photos(page)
    page.locator(".filters-button").click()
    expect(page.locator(".bars")).to_be_visible()


def _albums(page: Page) -> None:
    page.goto("/?view=albums")
    expect(page.locator(".album-cover img").first).to_be_visible()


def _album(page: Page) -> None:
    _albums(page)
    page.locator(".album").first.click()
    expect(page.locator(".tile img.is-there").first).to_be_visible()


def _duplicates(page: Page) -> None:
    page.goto("/?view=duplicates")
    expect(page.locator(".group-card").first).to_be_visible()


def _library(page: Page) -> None:
    page.goto("/?view=library")
    expect(page.locator(".count").first).to_be_visible()


_VIEWS: dict[str, Callable[[Page], None]] = {
    "photos": _photos,
    "found": _found,
    "photo": _photo,
    "close": _close,
    "chosen": _chosen,
    "tags": _tags,
    "filters": _filters,
    "albums": _albums,
    "album": _album,
    "duplicates": _duplicates,
    "library": _library,
}


if __name__ == "__main__":
    sys.exit(main())
