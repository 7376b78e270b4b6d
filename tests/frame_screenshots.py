"""A picture of each screen of the frame, in both languages, over the sample photos: ``make screenshots`` calls it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from bench.throwaway_house import throwaway_house
from frame_run import FrameRun
from loopback_ports import free_address
from soutu_client import Client
from soutu_client._language import Language
from soutu_client.frame.actions import Action
from soutu_client.frame.display import typeface
from soutu_client.frame.query import read_query

SAMPLES = Path(__file__).parent.parent / "deploy" / "samples"
QUERIES: dict[Language, str] = {
    "zh": "山;去年的今天;随机;收藏;雪地里的狗 -人",
    "en": "山;on this day;random;favourites;a dog -people",
}
SIZES = ("1920x1080", "800x480", "480x800")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make them; return the exit status."""
    parser = argparse.ArgumentParser(description="Pictures of the frame's screens.")
    parser.add_argument("--out", default=".screenshots")
    out = Path(parser.parse_args(arguments).out)
    out.mkdir(parents=True, exist_ok=True)
    with throwaway_house() as empty, throwaway_house() as house:
        with Client(house.address) as client:
            client.wait_until_ready(photo.photo_id for photo in client.add(SAMPLES).added)
            best = client.search("山").hits[0].photo
            client.annotate([best.photo_id], caption="爸爸走了一整天才到的地方", favourite=True)
        for language in QUERIES:
            for size in SIZES:
                shoot(house.address, empty.address, language, size, out)
    sys.stdout.write(f"{out}\n")
    return 0


def shoot(address: str, empty: str, language: Language, size: str, out: Path) -> None:
    """Make those of one language and size."""

    def save(run: FrameRun, name: str) -> None:
        run.frame.turn()
        run.frame.window.save(str(out / f"frame-{name}-{language}-{size}.png"))

    with tempfile.TemporaryDirectory(prefix="soutu-frame-") as folder:
        given = {"size": size, "queries": QUERIES[language]}
        with frame(address, Path(folder), language, listen="0.0.0.0:0", **given) as run:
            save(run, "starting")
            run.until_photo()
            save(run, "photo")
            run.press(Action.PAUSE)
            save(run, "paused")
            width, height = run.frame.window.size
            run.frame.kiosk.touch((width // 2, height // 2))
            save(run, "touched")
            run.press(Action.SEARCH, Action.NEXT)
            save(run, "list")
            run.press(Action.LIKE, Action.LIKE, Action.PAUSE)
            save(run, "phone")
            run.press(Action.SEARCH)
            for name, words in (("nothing", "山 /从 1901 /到 1902"), ("refused", "山 /从 哪天")):
                run.frame.supply.choose(read_query(words, language))
                run.until(lambda: not run.state.is_loading)
                save(run, name)
            run.frame.supply.choose(read_query("随机", language))
            run.until(lambda: len(run.frame.cache.slides()) > 3)
        with frame(free_address(), Path(folder), language, **given) as run:
            run.until(lambda: run.state.is_away)
            run.until_photo()
            save(run, "away")
            run.press(Action.SEARCH, Action.LIKE, Action.PAUSE)
            save(run, "phone-closed")
    with tempfile.TemporaryDirectory(prefix="soutu-frame-") as folder:
        with frame(free_address(), Path(folder), language, **given) as run:
            run.until(lambda: run.state.is_away)
            save(run, "away-with-nothing")
        with frame(empty, Path(folder), language, size=size, queries="随机") as run:
            run.until(lambda: not run.state.is_loading)
            save(run, "empty")
        with (
            patch.object(typeface, "chinese_font_files", lambda: iter(())),
            frame(address, Path(folder), language, **given, background="plain") as run,
        ):
            run.until_photo()
            save(run, "no-font")


@contextmanager
def frame(address: str, folder: Path, language: Language, **settings: str) -> Iterator[FrameRun]:
    """Run a frame until the block ends."""
    run = FrameRun(address, folder, language, **settings)
    try:
        yield run
    finally:
        run.close()


if __name__ == "__main__":
    sys.exit(main())
