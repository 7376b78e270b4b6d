"""Measure text-to-photo retrieval through the real services, with a library that is thrown away.

``make recall DATA=DIR SPLIT=NAME`` calls it. DIR holds ``photos/`` and ``captions.zh.tsv`` with the columns ``photo``, ``split``
and ``caption``. The last line of the output is JSON: the share of captions whose photo is among the first 1, 5 and 10 hits, and
the median rank, where 1 is best.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.throwaway_house import throwaway_house
from soutu_client import Client
from soutu_services.home.problem import HomeProblem
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import language_of_environment
from soutu_services.tuning.caption_table import read_captions
from soutu_services.tuning.retrieval import recall_of

__all__ = ["main"]

_PAGE = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="Text-to-photo retrieval through the real services.")
    parser.add_argument("--data", required=True, help="folder with photos/ and captions.zh.tsv")
    parser.add_argument("--split", required=True, help="rows of captions.zh.tsv to take")
    given = parser.parse_args(arguments)
    language = language_of_environment(os.environ)
    try:
        captions = read_captions(Path(given.data), given.split)
        with throwaway_house() as house, Client(house.address, timeout_seconds=120, language=language) as client:
            report = measure(client, Path(given.data) / "photos", captions)
    except (HomeProblem, SoutuError) as problem:
        sys.stderr.write(problem.text.to(language) + "\n")
        return 1
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def measure(client: Client, photos: Path, captions: Sequence[tuple[str, str]]) -> Mapping[str, float]:
    """Add the photos, search every caption, and sum the ranks up."""
    names = sorted({photo for photo, _ in captions})
    with Progress(console=Console(stderr=True), transient=not sys.stderr.isatty()) as progress:
        adding = progress.add_task("photos", total=len(names))
        begin = time.monotonic()
        result = client.add([photos / name for name in names])
        ids = {file.path.name: file.photo_id for file in result.added} | {file.path.name: file.photo_id for file in result.known}
        if len(ids) < len(names):
            missing = sorted(set(names) - set(ids))
            raise HomeProblem(zh=f"有照片没有加进去：{missing[:3]}", en=f"photos could not be added: {missing[:3]}")
        ready = client.wait_until_ready(
            ids.values(), on_progress=lambda now: progress.update(adding, completed=now.photos_done), timeout_seconds=3600
        )
        if len(set(ready.ready)) < len(set(ids.values())):
            raise HomeProblem(zh="有照片无法读取或等不到向量", en="some photos could not be read, or wait for their embedding")
        added_seconds = time.monotonic() - begin
        searching = progress.add_task("captions", total=len(captions))
        begin = time.monotonic()
        ranks = []
        for photo, caption in captions:
            ranks.append(rank_of(client, ids[photo], caption, worst=len(ready.ready)))
            progress.advance(searching)
    search_seconds = time.monotonic() - begin
    sys.stderr.write(
        f"{len(names)} photos in {added_seconds:.1f} s ({len(names) / added_seconds:.0f}/s), "
        f"{len(captions)} searches in {search_seconds:.1f} s ({1000 * search_seconds / len(captions):.0f} ms each)\n"
    )
    recall = recall_of(ranks)
    share = {name: round(getattr(recall, name), 4) for name in ("r1", "r5", "r10")}
    return {"photos": len(names), "captions": len(captions), **share, "median_rank": recall.median_rank}


def rank_of(client: Client, photo_id: str, caption: str, *, worst: int) -> int:
    """Return the place of a photo among the hits of a text search, 1 for the first; ``worst`` if it is not among them."""
    rank, token = 0, ""
    while True:
        page = client.search(caption, page_size=_PAGE, page_token=token)
        for hit in page.hits:
            rank += 1
            if hit.photo.photo_id == photo_id:
                return rank
        token = page.next_page_token
        if not token:
            return worst


if __name__ == "__main__":
    sys.exit(main())
