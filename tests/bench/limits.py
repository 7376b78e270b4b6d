"""What asks for too much, against an ordinary request of its kind: ``make bench ONLY=limits``.

Each is given to a real search service over a generated library; its time, and the memory that the service and its decoders
take at most meanwhile, beyond what they have before, are told with what the service said. OUT gets ``limits.json``; the tables
go to the standard output. ``FOLDER`` says how many files the huge folder has, by default 300,000: rclone, in the object store's
place, takes minutes to list them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from bench.generated_library import fill_catalog, fill_thumbnails
from bench.generated_service import GeneratedService, generated_service
from bench.markdown import table
from bench.soak_pictures import Pictures
from patience import eventually
from soutu_client import Client, SoutuError, TextTerm

__all__ = ["main"]

_PHOTOS = 10_000
_IDENTICAL = 500
_WAIT_SECONDS = 3600


@dataclass(frozen=True)
class _Case:
    """Something that asks for much, and what is ordinary beside it. Each call returns what came of it, in a few words."""

    name: str
    ordinary: Callable[[], str]
    much: Callable[[], str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write what came out."""
    parser = argparse.ArgumentParser(description="Requests and pictures that ask for too much.")
    parser.add_argument("--folder", type=int, default=int(os.environ.get("FOLDER") or 300_000), help="files in the huge folder")
    parser.add_argument("--out", default=".bench", help="folder for limits.json")
    given = parser.parse_args(arguments)
    out = Path(given.out)
    out.mkdir(exist_ok=True)
    told = []
    with tempfile.TemporaryDirectory(dir=out) as name:
        folder = Path(name)

        def fill(catalog: Any, _: object) -> None:
            fill_catalog(catalog, _PHOTOS)
            fill_thumbnails(folder / "s3" / "soutu-thumbnails", _PHOTOS)

        settings = {"SOUTU_SEARCH_SYNC__GONE_SHARE": "1", "SOUTU_SEARCH_SYNC__GONE_OBJECTS": "1000000"}
        with (
            generated_service(folder, fill, settings=settings) as house,
            Client(house.address, timeout_seconds=_WAIT_SECONDS, language="en") as client,
        ):
            for case in _cases(client, house, folder, given.folder):
                sys.stderr.write(f"{case.name}\n")
                told.append(
                    {
                        "case": case.name,
                        "ordinary": _measured(case.ordinary, house.search_pid),
                        "much": _measured(case.much, house.search_pid),
                    }
                )
    (out / "limits.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(_tables(told))
    return 0


def _cases(client: Client, house: GeneratedService, folder: Path, in_folder: int) -> list[_Case]:
    def terms(count: int) -> str:
        try:
            return f"{len(client.search([TextTerm('红')] * count).hits)} hits"
        except SoutuError as error:
            return str(error)

    def text(characters: int) -> str:
        try:
            return f"{len(client.search('红' * characters).hits)} hits"
        except SoutuError as error:
            return str(error)

    def page(number: int) -> str:
        """List photos one by one; the time that counts is the last call's, for which the ones before make the token."""
        token = tokens.get(number, "")
        listed = client.list_photos(page_size=1, page_token=token)
        return f"{len(listed.photos)} photo"

    tokens = _page_tokens(client, _PHOTOS - 1)
    pictures = Pictures([], 1)

    def upload(name: str, data: bytes) -> str:
        path = folder / "outbox"
        path.write_bytes(data)
        sent = client.upload(path, name=name)
        return _state(client, sent.photo_id)

    def identical(count: int, *, is_same: bool) -> str:
        """Add so many files with one picture in it, the same bytes or not, and find what looks like it."""
        data = pictures.new()
        first = ""
        for number in range(count):
            path = folder / "outbox"
            path.write_bytes(data if is_same else data + b"%d" % number)
            first = client.upload(path, name=f"同样/{is_same}/{count}/{number}.jpg").photo_id or first
        _settle(client)
        groups = client.near_duplicates(page_size=1).groups
        hits = client.similar(first).hits
        return f"{len(hits)} hits like it; the first group of duplicates shows {len(groups[0].photos) if groups else 0}"

    def sync(files: int) -> str:
        """Sync a folder of so many files that are no photos by their names but one."""
        name = f"文件夹-{files}"
        huge = folder / "s3" / "soutu-photos" / name
        huge.mkdir()
        for number in range(files):
            (huge / f"{number:06}.txt").touch()
        (huge / "photo.jpg").write_bytes(pictures.new())
        job = list(client.watch_job(client.start_sync(["photos"]).job_id, timeout_seconds=_WAIT_SECONDS))[-1]
        for path in huge.iterdir():
            path.unlink()
        huge.rmdir()
        return f"{job.state.value}, {job.objects_seen:,} objects seen"

    wide = _encoded((30_000, 1), "PNG")
    large = {kind: [_encoded(size, kind) for size in ((4000, 3000), (16_000, 12_500))] for kind in ("JPEG", "PNG")}
    return [
        _Case("a query of 10,000 terms; of one", lambda: terms(1), lambda: terms(10_000)),
        _Case("a text of 10,000 characters; of one", lambda: text(1), lambda: text(10_000)),
        _Case("page 10,000; the first", lambda: page(0), lambda: page(_PHOTOS - 1)),
        _Case(
            "a picture of 30,000 x 1 pixels; of 160 x 120",
            lambda: upload("小.jpg", pictures.new()),
            lambda: upload("宽.png", wide),
        ),
        _Case(
            "a JPEG of 200 megapixels; of 12",
            lambda: upload("十二.jpg", large["JPEG"][0]),
            lambda: upload("二百.jpg", large["JPEG"][1]),
        ),
        _Case(
            "a PNG of 200 megapixels; of 12",
            lambda: upload("十二.png", large["PNG"][0]),
            lambda: upload("二百.png", large["PNG"][1]),
        ),
        _Case(
            f"{_IDENTICAL} files of the same bytes; 5",
            lambda: identical(5, is_same=True),
            lambda: identical(_IDENTICAL, is_same=True),
        ),
        _Case(
            f"{_IDENTICAL} photos of the same look; 5",
            lambda: identical(5, is_same=False),
            lambda: identical(_IDENTICAL, is_same=False),
        ),
        _Case(f"a folder of {in_folder:,} files; of 1,000", lambda: sync(1000), lambda: sync(in_folder)),
    ]


def _page_tokens(client: Client, last: int) -> dict[int, str]:
    """Return the token of a page of one photo, by the number of the page from 0: of the last one, reached in strides of 200."""
    token = ""
    for _ in range(last // 200):
        token = client.list_photos(page_size=200, page_token=token).next_page_token
    for _ in range(last % 200):
        token = client.list_photos(page_size=1, page_token=token).next_page_token
    return {last: token}


def _state(client: Client, photo_id: str) -> str:
    _settle(client)
    photo = client.photo(photo_id)
    return f"{photo.state.value} {photo.unreadable.message if photo.unreadable else ''}".strip()


def _settle(client: Client) -> None:
    eventually(lambda: client.status().photos_pending == 0)


def _encoded(size: tuple[int, int], kind: str) -> bytes:
    """Make a picture of large soft patches, with a content of its own."""
    out = io.BytesIO()
    small = np.random.default_rng(size).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize(size, Image.Resampling.BILINEAR).save(out, kind)
    return out.getvalue()


def _measured(call: Callable[[], str], process: int) -> dict[str, Any]:
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    before = {one.pid: _status_mib(one.pid, "VmRSS") for one in family}
    for pid in before:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew; see proc(5)
    began = time.perf_counter()
    said = call()
    seconds = time.perf_counter() - began
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    grown = sum(max(0.0, _status_mib(one.pid, "VmHWM") - before.get(one.pid, 0.0)) for one in family)
    return {"seconds": round(seconds, 4), "peak_mib": round(grown, 1), "said": said}


def _status_mib(process: int, name: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _tables(told: Sequence[dict[str, Any]]) -> str:
    head = ("much; ordinary", "seconds", "ordinary", "ratio", "MiB more", "ordinary", "what came of it")
    rows = []
    for one in told:
        much, ordinary = one["much"], one["ordinary"]
        ratio = round(much["seconds"] / ordinary["seconds"], 1)
        memory = (much["peak_mib"], ordinary["peak_mib"])
        rows.append((one["case"], much["seconds"], ordinary["seconds"], ratio, *memory, much["said"]))
    return f"## Much at once\n\n{table(head, rows)}"


if __name__ == "__main__":
    sys.exit(main())
