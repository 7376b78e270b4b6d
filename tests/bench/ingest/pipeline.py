"""From a bucket full of new photos to all of them searchable, against a plain loop over the same pictures."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

from bench.clip_model import ARCHITECTURE, bundle, checkpoint
from bench.generated_service import generated_service
from loopback_ports import free_address
from search_process import SearchProcess
from soutu_client import Client
from soutu_services.embedding.chinese_clip.preprocessing import picture_pixels
from soutu_services.embedding.chinese_clip.torch_model import TorchModel, official_architecture
from soutu_services.search.catalog import Catalog
from soutu_services.search.store import S3Connection

__all__ = ["pipeline"]

_PLAIN = 24
"""Pictures of the plain loop, which takes as long for each."""
_BUCKET = "soutu-photos"


def pipeline(folder: Path, models: Path, pictures: Sequence[Path], say: Callable[[str], None]) -> dict[str, Any]:
    """Measure both, with ViT-B-16 of random weights: what is ingested with its int8 bundle, the loop with torch in fp32.

    Args:
        folder: Empty.
        models: Where the models are kept from one run to the next.
        pictures: Files, each with a content of its own.
        say: Told what is done.
    """
    say("the model")
    exported = bundle(models, "int8")
    say(f"{len(pictures)} pictures of {sum(path.stat().st_size for path in pictures) / len(pictures) / 2**20:.1f} MiB: ingest")
    soutu = _ingest(folder, exported, pictures)
    say(f"{_PLAIN} of them: plain loop")
    plain = _plain(checkpoint(models).path, pictures[:_PLAIN])
    return {
        "photos": len(pictures),
        "cores": _cores(),
        **soutu,
        "plain": plain,
        "faster": round(soutu["photos_per_second"] / plain["photos_per_second"], 2),
    }


def _ingest(folder: Path, exported: Path, pictures: Sequence[Path]) -> dict[str, Any]:
    with _embedding(exported) as embedding:

        def fill(_: Catalog, __: S3Connection) -> None:
            bucket = folder / "s3" / _BUCKET / "2024"
            bucket.mkdir(parents=True)
            for path in pictures:
                shutil.copyfile(path, bucket / path.name)

        with (
            generated_service(folder, fill, embedding=embedding.address) as house,
            Client(house.address, timeout_seconds=3600) as client,
        ):
            programs = {"search": house.search_pid, "embedding": embedding.popen.pid, "store": house.store_pid}
            before = {name: _CpuSeconds.of(pid) for name, pid in programs.items()}
            began = time.perf_counter()
            job = list(client.watch_job(client.start_sync(["photos"]).job_id, timeout_seconds=3600))[-1]
            seconds = time.perf_counter() - began
            used = {name: _CpuSeconds.of(pid).since(before[name]) for name, pid in programs.items()}
            assert job.photos_done == len(pictures), job
            assert client.status().photos_ready == len(pictures)
    own = sum(one.own for one in used.values())
    below = {"decoders": used["search"].children}
    a_photo = (own + sum(below.values())) / len(pictures)
    speed = len(pictures) / seconds
    return {
        "seconds": round(seconds, 2),
        "photos_per_second": round(speed, 2),
        "cpu_ms_a_photo": round(1000 * a_photo, 1),
        "cpu_ms_a_photo_by_program": {
            name: round(1000 * value / len(pictures), 1)
            for name, value in [*((name, one.own) for name, one in used.items()), *below.items()]
        },
        "most_photos_per_second": round(_cores() / a_photo, 2),
        "share_of_most": round(speed * a_photo / _cores(), 3),
    }


@dataclass(frozen=True)
class _CpuSeconds:
    """Of a process, and of its children that live."""

    own: float
    children: float

    @classmethod
    def of(cls, pid: int) -> _CpuSeconds:
        process = psutil.Process(pid)
        times = [sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True))]
        return cls(times[0], sum(times[1:]))

    def since(self, before: _CpuSeconds) -> _CpuSeconds:
        return _CpuSeconds(self.own - before.own, self.children - before.children)


def _plain(weights: Path, pictures: Sequence[Path]) -> dict[str, float]:
    """Decode whole, resize and embed one picture after the other, torch on all cores."""
    architecture = official_architecture(ARCHITECTURE)
    assert architecture is not None
    torch.set_num_threads(_cores())
    model = TorchModel.load(weights, architecture, name=ARCHITECTURE, device="cpu")
    side = architecture.image_resolution

    def embed(path: Path) -> None:
        with Image.open(path) as picture:
            model.encode_images(np.stack([picture_pixels(picture.convert("RGB"), side)]))

    embed(pictures[0])
    own, began = time.process_time(), time.perf_counter()
    for path in pictures:
        embed(path)
    seconds, cpu = time.perf_counter() - began, time.process_time() - own
    return {
        "photos_per_second": round(len(pictures) / seconds, 2),
        "cpu_ms_a_photo": round(1000 * cpu / len(pictures), 1),
    }


@contextmanager
def _embedding(exported: Path) -> Iterator[SearchProcess]:
    process = SearchProcess(
        {
            "SOUTU_EMBEDDING_LISTEN": free_address(),
            "SOUTU_EMBEDDING_METRICS_LISTEN": "",
            "SOUTU_EMBEDDING_MODELS": f"onnx:{exported.resolve()}",
        },
        program="soutu_services.embedding",
    )
    try:
        process.wait_ready()
        yield process
    finally:
        process.end()


def _cores() -> int:
    return len(os.sched_getaffinity(0))
