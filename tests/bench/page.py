"""Measure the web page in a real Chromium over libraries of two sizes: ``make bench ONLY=page``.

Each library is generated into a real catalog and a real store of thumbnails; the search service and the page's server are
processes of their own. The embedding service is the tests' small one: how well a model finds is not what is measured. OUT gets
``page.json``; the last line of the output is the same JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.generated_library import fill_catalog, fill_thumbnails
from bench.generated_service import generated_service
from patience import PATIENCE, eventually
from soutu_services.search.catalog import Catalog
from soutu_services.search.store import S3Connection
from web_process import WebProcess

__all__ = ["main"]

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_SCROLLED = 5000
_WINDOW = {"width": 1280, "height": 800}
_WAIT_MILLISECONDS = 1000 * PATIENCE

_NOTE_FIRST_PICTURE = """
document.addEventListener("load", (event) => {
    if (window.firstPicture || !event.target.matches?.(".tile img")) return;
    requestAnimationFrame(() => requestAnimationFrame(() => { window.firstPicture ??= performance.now(); }));
}, true);
"""
_SUMMARY_MILLISECONDS = """
performance.getEntriesByType("resource").filter((one) => one.name.includes("/api/summary")).map((one) => one.duration)
"""
_SCROLL = """
async (wanted) => {
    const { results } = await import("/static/js/results.js");
    while (results.photos.length < wanted && !results.isComplete) {
        scrollTo(0, document.documentElement.scrollHeight);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return results.photos.length;
}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="The web page with many photos.")
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--baseline", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5, help="loads of each kind; medians are told")
    parser.add_argument("--out", default=".bench", help="folder for page.json")
    given = parser.parse_args(arguments)
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        sys.stderr.write("没有 Chromium：apt-get install chromium · no Chromium here: apt-get install chromium\n")
        return 1
    report: dict[str, Any] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"] if os.getuid() == 0 else [])
        for photos in (given.baseline, given.photos):
            with generated_house(photos) as (url, made):
                report[str(photos)] = {**made, **measured(browser, url, given.rounds)}
        browser.close()
    Path(given.out).mkdir(parents=True, exist_ok=True)
    (Path(given.out) / "page.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    show(report, str(given.baseline), str(given.photos))
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


@contextmanager
def generated_house(photos: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Serve the page over a library of so many photos until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soutu-bench-")))
        made: dict[str, float] = {}

        def fill(catalog: Catalog, _: S3Connection) -> None:
            begin = time.monotonic()
            fill_catalog(catalog, photos)
            made["thumbnail_bytes"] = fill_thumbnails(folder / "s3" / "soutu-thumbnails", photos)
            made["filled_seconds"] = round(time.monotonic() - begin, 1)

        house = stack.enter_context(generated_service(folder, fill))
        web = WebProcess(house.address)
        stack.callback(web.stop)
        yield web.url, made


def measured(browser: Browser, url: str, rounds: int) -> dict[str, Any]:
    """Load the page again and again, then scroll far; return medians in milliseconds, bytes and counts."""
    cold, warm, found, filters = [], [], [], []
    for _ in range(rounds):
        with loaded(browser, url) as page:
            cold.append(facts(page))
            page.reload()
            warm.append(facts(page))
            page.goto("/?q=红")
            found.append(facts(page))
            page.goto("/")
            facts(page)
            filters.append(timeline(page))
    with loaded(browser, url) as page:
        facts(page)
        session = page.context.new_cdp_session(page)
        before = memory(page, session)
        begin = time.monotonic()
        scrolled = page.evaluate(_SCROLL, _SCROLLED)
        seconds = time.monotonic() - begin
        page.locator(".tile img.is-there").nth(9).wait_for(state="attached")
        after = memory(page, session)
    return {
        "first_load": cold[0],
        "cold": medians(cold),
        "warm": medians(warm),
        "search": medians(found),
        "first_filters": filters[0],
        "filters": medians(filters),
        "before_scrolling": before,
        "scrolled_photos": scrolled,
        "scrolling_seconds": round(seconds, 1),
        "after_scrolling": after,
    }


@contextmanager
def loaded(browser: Browser, url: str) -> Iterator[Page]:
    """Open the page with an empty cache; ``page.received`` gathers bytes by type."""
    context = browser.new_context(base_url=url, locale="zh-CN", viewport=_WINDOW, service_workers="block")  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(_WAIT_MILLISECONDS)
    page.add_init_script(_NOTE_FIRST_PICTURE)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    kinds: dict[str, str] = {}
    received: dict[str, int] = {}
    page.soutu_received = received  # type: ignore[attr-defined]

    def note(event: Mapping[str, Any]) -> None:
        kind = kinds.get(event["requestId"], "Other")
        received[kind] = received.get(kind, 0) + int(event["encodedDataLength"])

    session.on("Network.responseReceived", lambda event: kinds.__setitem__(event["requestId"], event["type"]))
    session.on("Network.loadingFinished", note)
    page.goto("/")
    try:
        yield page
    finally:
        context.close()


def facts(page: Page) -> dict[str, float]:
    """Return what a load took, once everything of it has come."""
    eventually(lambda: page.evaluate("window.firstPicture"))
    page.wait_for_load_state("networkidle")
    received: dict[str, int] = page.soutu_received  # type: ignore[attr-defined]
    told = {
        "first_picture_ms": round(page.evaluate("window.firstPicture")),
        "bytes": sum(received.values()),
        **{f"bytes_{kind.lower()}": received.get(kind, 0) for kind in ("Document", "Stylesheet", "Script", "Fetch", "Image")},
    }
    received.clear()
    return told


def timeline(page: Page) -> dict[str, float]:
    """Open the filters with their timeline; return what that took until they stood there."""
    received: dict[str, int] = page.soutu_received  # type: ignore[attr-defined]
    begin = time.monotonic()
    page.get_by_role("button", name="筛选").click()
    page.locator(".timeline-said").wait_for()
    shown = time.monotonic() - begin
    summaries = page.evaluate(_SUMMARY_MILLISECONDS)
    page.wait_for_load_state("networkidle")
    return {"shown_ms": round(1000 * shown), "summary_ms": round(max(summaries)), "bytes": sum(received.values())}


def memory(page: Page, session: CDPSession) -> dict[str, int]:
    """Return bytes of the JavaScript heap after a collection, and elements of the page."""
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")
    return {"heap_bytes": int(heap["usedSize"]), "elements": page.evaluate("document.querySelectorAll('*').length")}


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def show(report: Mapping[str, Any], baseline: str, photos: str) -> None:
    """Print both sizes side by side."""
    table = Table(title="the page")
    for name in ("", f"{int(baseline):,} photos", f"{int(photos):,} photos", "ratio"):
        table.add_column(name, justify="left" if not name else "right")
    for name, value in _flat(report[photos]):
        base = dict(_flat(report[baseline]))[name]
        table.add_row(name, f"{base:,}", f"{value:,}", f"{value / base:.2f}" if base else "")
    Console(stderr=True).print(table)


def _flat(figures: Mapping[str, Any]) -> list[tuple[str, float]]:
    flat: list[tuple[str, float]] = []
    for name, value in figures.items():
        flat += [(f"{name}.{inner}", one) for inner, one in value.items()] if isinstance(value, dict) else [(name, value)]
    return flat


if __name__ == "__main__":
    sys.exit(main())
