"""A search service for tests, in this process, over a real S3 server, with a client of it."""

from __future__ import annotations

import atexit
import functools
import hashlib
import io
import itertools
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from colour_encoder import ColourServer
from object_store import ObjectServer
from patience import PATIENCE, eventually
from soutu_client import Client
from soutu_client.models import Photo
from soutu_services.runtime.server import RunningServer, start_server
from soutu_services.search import embedder
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.decoding.process import Confinement
from soutu_services.search.embedder import EmbedderTimeouts
from soutu_services.search.imaging import PictureLimits
from soutu_services.search.service import SearchService
from soutu_services.search.settings import SearchSettings
from soutu_services.search.store import S3Connection, S3Store

PATIENT_EMBEDDER = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=PATIENCE, bulk_seconds=PATIENCE)
_outbox = itertools.count()
_BASE = {"红": (200, 20, 20), "绿": (20, 200, 20), "蓝": (20, 20, 200), "白": (255, 255, 255)}


def picture(colour: str, number: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    """Make a picture whose mean colour is plain and whose content is its own."""
    pixels = np.empty((size[1], size[0], 3), np.uint8)
    pixels[:] = _BASE[colour]
    if colour != "白":
        noise = np.random.default_rng(number).integers(-20, 20, pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def photo_id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


@functools.cache
def shared_decoders() -> DecoderPool:
    """The decoders of every house that brings none of its own: starting them takes longer than most tests."""
    decoders = DecoderPool(Confinement(PictureLimits(), seconds=PATIENCE, memory_bytes=1 << 30), processes=2)
    atexit.register(decoders.close)
    return decoders


class SearchHouse:
    """The service, its store's buckets and a client. ``settings`` go over the defaults of the tests.

    ``decoders`` read the pictures: a pool of the test's own; with None, the service makes its own.
    """

    def __init__(self, folder: Path, store: ObjectServer, embedding: ColourServer, buckets: str, **settings: Any) -> None:
        self.folder = folder
        self.store = store
        self.embedding = embedding
        self._given: dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "metrics_listen": "",
            "data_folder": folder / "data",
            "store": store.settings,
            "photos_bucket": f"{buckets}-photos",
            "thumbnails_bucket": f"{buckets}-thumbnails",
            "recycle_bucket": f"{buckets}-recycle",
            "embedding_address": embedding.address,
            "ingest": {"retry_first_seconds": 0.05, "retry_most_seconds": 0.3},
            "sync": {"interval_seconds": 0},
            "grace_seconds": PATIENCE,
        }
        self._connection = S3Connection(store.settings)
        self._running: tuple[SearchService, RunningServer] | None = None
        self.decoders: DecoderPool | None = shared_decoders()
        self.start(**settings)

    def start(self, **settings: Any) -> None:
        self.decoders = settings.pop("decoders", self.decoders)
        self._given |= settings
        with patch.object(embedder, "EmbedderTimeouts", lambda: PATIENT_EMBEDDER):
            service = SearchService(SearchSettings(**self._given), decoders=self.decoders)
        service.start()
        server = start_server(service.served, service.server_settings, package="soutu.search.v1", authenticator=service.access)
        self._running = service, server
        self.address = server.address
        self.client = Client(server.address, timeout_seconds=PATIENCE, language="en")

    def stop(self) -> None:
        if self._running is not None:
            service, server = self._running
            self._running = None
            self.client.close()
            service.drain()
            server.stop(1)
            service.close()

    def restart(self, **settings: Any) -> None:
        self.stop()
        self.start(**settings)

    def close(self) -> None:
        self.stop()
        self._connection.close()

    @property
    def service(self) -> SearchService:
        assert self._running is not None
        return self._running[0]

    @property
    def server(self) -> RunningServer:
        assert self._running is not None
        return self._running[1]

    def bucket(self, name: str) -> S3Store:
        bucket = self._connection.bucket(self._given[f"{name}_bucket"])
        bucket.ensure_bucket()
        return bucket

    def keys(self, name: str) -> set[str]:
        return {found.key for found in self.bucket(name).walk()}

    def upload(self, name: str, data: bytes) -> str:
        """Upload bytes under a name, as ``soutu add`` does."""
        path = self.folder / f"outbox-{next(_outbox)}"
        path.write_bytes(data)
        return self.client.upload(path, name=name).photo_id

    def settled(self) -> None:
        """Wait until nothing waits."""
        eventually(lambda: self.client.status().photos_pending == 0)

    def sync(self, *sources: str) -> Any:
        """Sync and wait for its end."""
        return list(self.client.watch_job(self.client.start_sync(sources).job_id, timeout_seconds=PATIENCE))[-1]

    def photo(self, photo_id: str) -> Photo:
        return self.client.photo(photo_id)

    def listed(self, **options: Any) -> set[str]:
        return {photo.photo_id for photo in self.client.list_photos(**options).photos}

    def found(self, text: str, **options: Any) -> list[str]:
        return [hit.photo.photo_id for hit in self.client.search(text, **options).hits]
