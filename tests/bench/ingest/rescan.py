"""A second sync of a bucket in which nothing changed, against the bare listing of it."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from bench.generated_library import fill_embeddings, reading
from bench.generated_service import generated_service
from soutu_client import Client
from soutu_services.search.catalog import Catalog, Ingested, SeenObject
from soutu_services.search.objects import StoredObject
from soutu_services.search.store import S3Store

__all__ = ["rescan"]

_IN_FOLDER = 1000
_BATCH = 1000
_BUCKET = "soutu-photos"


def rescan(folder: Path, objects: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Sync a bucket of so many files, in folders of 1,000, that the catalog knows already; in turn with listing it.

    The listing is what the sync begins with, ``S3Store.walk``, whose answers are counted and dropped: every object costs the
    server, the connection and minio's parser what it costs the sync.
    """

    def fill(catalog: Catalog, bucket: S3Store) -> None:
        _write(folder / "s3" / _BUCKET, objects)
        batch: list[StoredObject] = []
        for found in bucket.walk():
            batch.append(found)
            if len(batch) == _BATCH:
                _take_in(catalog, batch)
                batch = []
        if batch:
            _take_in(catalog, batch)

    say(f"{objects:,} objects: making them")
    bare, synced, bare_cpu, synced_cpu, read = [], [], [], [], 0
    with (
        generated_service(folder, lambda catalog, connection: fill(catalog, connection.bucket(_BUCKET))) as house,
        Client(house.address, timeout_seconds=600) as client,
    ):
        assert client.status().photos_ready == objects
        for number in range(rounds):
            say(f"{objects:,} objects: round {number + 1} of {rounds}")
            seconds, cpu = _list(house.connection.bucket(_BUCKET), objects)
            bare.append(seconds)
            bare_cpu.append(cpu)
            seconds, cpu, read = _sync(client, house.search_pid, objects)
            synced.append(seconds)
            synced_cpu.append(cpu)
    return {
        "objects": objects,
        "listing_seconds": _median(bare),
        "sync_seconds": _median(synced),
        "ratio": round(statistics.median(one / other for one, other in zip(synced, bare, strict=True)), 2),
        "listing_cpu_seconds": _median(bare_cpu),
        "sync_cpu_seconds": _median(synced_cpu),
        "ratio_cpu": round(statistics.median(one / other for one, other in zip(synced_cpu, bare_cpu, strict=True)), 2),
        "photos_read": read,
    }


def _list(bucket: S3Store, objects: int) -> tuple[float, float]:
    began, own = time.perf_counter(), time.process_time()
    count = sum(1 for _ in bucket.walk())
    seconds, cpu = time.perf_counter() - began, time.process_time() - own
    assert count == objects
    return seconds, cpu


def _sync(client: Client, process: int, objects: int) -> tuple[float, float, int]:
    watched = psutil.Process(process)
    before = sum(watched.cpu_times()[:2])
    began = time.perf_counter()
    job = list(client.watch_job(client.start_sync(["photos"]).job_id, timeout_seconds=600))[-1]
    seconds = time.perf_counter() - began
    cpu = sum(watched.cpu_times()[:2]) - before
    assert job.objects_seen == objects, job
    assert job.photos_total == 0, "nothing had changed, so nothing is to be read"
    return seconds, cpu, job.photos_total


def _write(bucket: Path, objects: int) -> None:
    for number in range(objects):
        if number % _IN_FOLDER == 0:
            within = bucket / f"{2000 + number // _IN_FOLDER // 12}/{number // _IN_FOLDER % 12 + 1:02}"
            within.mkdir(parents=True)
        (within / f"IMG_{number:06}.jpg").write_bytes(b"%d" % number)


def _take_in(catalog: Catalog, found: Sequence[StoredObject]) -> None:
    seen = [SeenObject(one.key, one.etag, one.size_bytes, one.modified_at, ignored=False) for one in found]
    catalog.objects.record_seen("photos", seen)
    unread = catalog.objects.next_unread(2 * _BATCH)
    digests = [hashlib.sha256(row.key.encode()).hexdigest() for row in unread]
    catalog.ingest.record([Ingested(row, digest, reading(row.object_id)) for row, digest in zip(unread, digests, strict=True)])
    fill_embeddings(catalog, [digest[:32] for digest in digests])


def _median(some: Sequence[float]) -> float:
    return round(statistics.median(some), 2)
