"""What the embedding service adds to the bare towers over gRPC: for one caller, and for 32 at once."""

from __future__ import annotations

import io
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from bench.encode.inputs import photo_files
from bench.query.asked import sentence
from loopback_ports import free_address
from search_process import SearchProcess
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder
from soutu_services.search.embedder import Embedder
from soutu_services.search.embedding_model import Embedded, EmbeddingModel

__all__ = ["embedding_service", "many_callers", "one_caller", "thumbnail_files"]

_CALLERS = 32
_BATCHES = {"text": (1, 4, 8, 16, 32), "image": (1, 2, 4, 8)}
_LIMITS = ImageLimits(max_bytes=1 << 26, max_pixels=1 << 27)


@contextmanager
def embedding_service(model: Path) -> Iterator[tuple[str, str]]:
    """Serve a bundle until the block ends; yield where it answers, and where its metrics are."""
    metrics = free_address()
    process = SearchProcess(
        {
            "SOUTU_EMBEDDING_LISTEN": free_address(),
            "SOUTU_EMBEDDING_METRICS_LISTEN": metrics,
            "SOUTU_EMBEDDING_MODELS": f"onnx:{model.resolve()}",
        },
        program="soutu_services.embedding",
    )
    try:
        yield process.wait_ready(), metrics
    finally:
        process.end()


def thumbnail_files() -> list[bytes]:
    """Make what the search service sends: pictures of at most 512 pixels."""
    made = []
    for path in photo_files()[:16]:
        with Image.open(path) as picture:
            picture.thumbnail((512, 512))
            out = io.BytesIO()
            picture.convert("RGB").save(out, "JPEG", quality=85)
            made.append(out.getvalue())
    return made


class _Bare:
    """The towers without a service, with as many threads as it has."""

    def __init__(self, model: Path) -> None:
        self.encoder = OnnxBundleEncoder.load(model, towers=None, limits=_LIMITS, threads=psutil.cpu_count() or 1)
        self._texts = (self.encoder.prepare_text(sentence(7 * number)) for number in itertools.count())
        self.pictures = [self.encoder.prepare_image(data) for data in thumbnail_files()]

    def pass_over(self, tower: str, count: int) -> float:
        """Embed so many items in one pass; return the seconds."""
        if tower == "text":
            batch: Sequence[Any] = list(itertools.islice(self._texts, count))
            encode: Callable[[Sequence[Any]], Any] = self.encoder.encode_texts
        else:
            batch, encode = [self.pictures[at % len(self.pictures)] for at in range(count)], self.encoder.encode_images
        began = time.perf_counter()
        encode(batch)
        return time.perf_counter() - began


def one_caller(address: str, model: Path, seconds: float) -> dict[str, Any]:
    """One text at a time, bare and over gRPC in turn; a picture too, bare with its decoding."""
    bare, pictures = _Bare(model), itertools.cycle(thumbnail_files())
    told: dict[str, Any] = {}
    with _embedder(address) as (embedder, served):
        for tower in ("text", "image"):
            alone, over = [], []
            until = time.monotonic() + seconds / 2
            for number in itertools.count(1):
                text, picture = sentence(number), next(pictures)
                began = time.perf_counter()
                if tower == "text":
                    bare.encoder.encode_texts([bare.encoder.prepare_text(text)])
                else:
                    bare.encoder.encode_images([bare.encoder.prepare_image(picture)])
                between = time.perf_counter()
                if tower == "text":
                    outcome = embedder.embed_texts([text], served)[0]
                else:
                    outcome = embedder.embed_images([picture], served, interactive=True)[0]
                over.append(time.perf_counter() - between)
                alone.append(between - began)
                assert isinstance(outcome, Embedded)
                if time.monotonic() >= until:
                    break
            added = [1000 * (one - other) for one, other in zip(over, alone, strict=True)]
            told[tower] = {
                "rounds": len(over),
                "bare_ms": round(1000 * statistics.median(alone), 2),
                "served_ms": round(1000 * statistics.median(over), 2),
                "added_ms": round(statistics.median(added), 2),
            }
    return told


def many_callers(address: str, model: Path, seconds: float) -> dict[str, Any]:
    """Thirty-two callers with one item each, against the best batch of the bare tower, in turn."""
    bare, pictures = _Bare(model), thumbnail_files()
    told: dict[str, Any] = {}
    with _embedder(address) as (embedder, served), ThreadPoolExecutor(_CALLERS) as pool:
        for tower in ("text", "image"):
            best = max(_BATCHES[tower], key=lambda size: _rate(bare, tower, size, seconds / 20))
            numbers = itertools.count()
            ratios: list[float] = []
            rates: list[float] = []
            bare_rates: list[float] = []
            until = time.monotonic() + seconds / 2
            while time.monotonic() < until or not ratios:
                bare_rates.append(_rate(bare, tower, best, seconds / 20))
                end = time.monotonic() + seconds / 15

                def call(_caller: int, tower: str = tower, end: float = end, numbers: Iterator[int] = numbers) -> int:
                    done = 0
                    while time.monotonic() < end:
                        number = next(numbers)
                        if tower == "text":
                            embedder.embed_texts([sentence(7 * number)], served)
                        else:
                            embedder.embed_images([pictures[number % len(pictures)]], served, interactive=True)
                        done += 1
                    return done

                began = time.monotonic()
                done = sum(pool.map(call, range(_CALLERS)))
                rates.append(done / (time.monotonic() - began))
                ratios.append(rates[-1] / bare_rates[-1])
            told[tower] = {
                "best_batch": best,
                "bare_per_second": round(statistics.median(bare_rates), 1),
                "per_second": round(statistics.median(rates), 1),
                "share": round(statistics.median(ratios), 3),
            }
    return told


def _rate(bare: _Bare, tower: str, size: int, seconds: float) -> float:
    """Return how many items a second the bare tower embeds in passes of so many."""
    until = time.monotonic() + seconds
    done, spent = 0, 0.0
    while time.monotonic() < until or not done:
        spent += bare.pass_over(tower, size)
        done += size
    return done / spent


@contextmanager
def _embedder(address: str) -> Iterator[tuple[Embedder, EmbeddingModel]]:
    embedder = Embedder(address)
    try:
        yield embedder, embedder.models()[0]
    finally:
        embedder.close()
