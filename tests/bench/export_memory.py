"""Measure the memory and time of an export of generated photos: ``python -m bench.export_memory --photos 100000``.

The library is made up as it is asked for, so what is measured is the export alone. The last line of the output is JSON. Memory is
the largest resident set, which counts pages of the export's own files that the system may take back at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from soutu_services.tuning.export import ExportRequest, export_library
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import LibraryPhoto, Selection

__all__ = ["main"]

_PAGE = 1000
_WORDS = ("爷爷在青海", "奶奶在北京", "爸爸在海边", "妈妈在院子里", "弟弟在学校", "妹妹过生日")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="Memory and time of an export of generated photos.")
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--tiny", action="store_true", help="pictures of some hundred bytes: a million fit a small disk")
    given = parser.parse_args(arguments)
    library = _MadeLibrary(given.photos, side=16 if given.tiny else 512)
    before = _peak_mib()
    with tempfile.TemporaryDirectory(prefix="soutu-bench-") as folder:
        begin = time.monotonic()
        exported = export_library(library, Path(folder), ExportRequest(Selection()), Flaws())
        seconds = time.monotonic() - begin
        written = sum(path.stat().st_blocks * 512 for path in Path(folder).rglob("*") if path.is_file())
    report = {
        "photos": exported.photos,
        "texts": exported.texts,
        "seconds": round(seconds, 1),
        "written_mib": written >> 20,
        "peak_mib": _peak_mib(),
        "peak_mib_before": before,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


class _MadeLibrary:
    """Photos by number: bursts of three, a near-duplicate for each fiftieth, captions that a few photos share."""

    def __init__(self, count: int, *, side: int) -> None:
        self._count = count
        buffer = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=40)
        self._thumbnail = buffer.getvalue()

    def pages(self, selection: Selection) -> Iterator[Sequence[LibraryPhoto]]:
        del selection
        for begin in range(0, self._count, _PAGE):
            yield [_photo(number) for number in range(begin, min(begin + _PAGE, self._count))]

    def near_duplicates(self, *, max_distance: int, min_cosine: float) -> Iterator[Sequence[str]]:
        del max_distance, min_cosine
        for number in range(0, self._count // 2, 50):
            yield [_photo_id(number), _photo_id(number + self._count // 2)]

    def thumbnail(self, photo_id: str) -> bytes:
        return self._thumbnail + photo_id.encode()


def _photo_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def _photo(number: int) -> LibraryPhoto:
    moment = datetime(2010, 1, 1) + timedelta(seconds=number // 3 * 600 + number % 3)
    return LibraryPhoto(_photo_id(number), (f"{number // 500}/IMG_{number:06}.jpg",), moment, caption=_caption(number // 4))


def _caption(number: int) -> str:
    return _WORDS[number % 6] + "".join(chr(0x4E00 + digit) for digit in (number // 2000, number % 2000))


def _peak_mib() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


if __name__ == "__main__":
    sys.exit(main())
