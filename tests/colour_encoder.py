"""A model small enough for tests: a picture is its mean colour, a text the colours that it names."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from loopback_ports import free_address
from patience import PATIENCE
from soutu_services.embedding.batcher import BatchSettings
from soutu_services.embedding.encoder import FloatArray, ItemProblem, ItemRefused, ModelCard, Tower
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.embedding.limits import RequestLimits
from soutu_services.embedding.service import EmbeddingService
from soutu_services.embedding.servicer import served
from soutu_services.runtime.authentication import Authenticator
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server
from soutu_services.runtime.tls import TlsSettings

COLOURS = {"红": (1, 0, 0), "绿": (0, 1, 0), "蓝": (0, 0, 1)}
_LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=1_000_000)
_PLAIN = 0.05


class ColourEncoder:
    """Counts the pictures it embeds; waits for ``gate`` before each pass; ``refuses_white`` for pictures of pure white.

    Encoders of another ``dimension`` have other vectors for the same pictures.
    """

    def __init__(self, space_id: str = "colours", *, dimension: int = 4, towers: frozenset[Tower] = frozenset(Tower)) -> None:
        self.card = ModelCard(space_id, space_id, "test", dimension, towers, input_size=16, text_characters=100)
        self.gate = threading.Event()
        self.gate.set()
        self.refuses_white = True
        self.images_embedded = 0

    def prepare_text(self, text: str) -> str:
        return text

    def prepare_image(self, data: bytes) -> FloatArray:
        image = np.asarray(decode_rgb(data, _LIMITS, shorter_side=16), dtype=np.float32)
        if self.refuses_white and image.min() == 255:
            raise ItemRefused(ItemProblem.MODEL_FAILED, zh="太白了", en="too white")
        return np.asarray(image.reshape(-1, 3).mean(axis=0) / 255, np.float32)

    def encode_texts(self, prepared: Sequence[str]) -> FloatArray:
        rows = [[sum(COLOURS[c][axis] for c in text if c in COLOURS) for axis in range(3)] for text in prepared]
        return self._embeddings(np.asarray(rows, np.float32))

    def encode_images(self, prepared: Sequence[FloatArray]) -> FloatArray:
        assert self.gate.wait(PATIENCE)
        self.images_embedded += len(prepared)
        return self._embeddings(np.stack(prepared))

    def close(self) -> None:
        self.gate.set()

    def _embeddings(self, rows: FloatArray) -> FloatArray:
        wide = np.zeros((len(rows), self.card.dimension), np.float32)
        wide[:, -1] = _PLAIN
        wide[:, -4:-1] = rows
        return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), np.float32)


class ColourServer:
    """An embedding service with the models in ``encoders``, which can go away and come back on its address, with others too."""

    def __init__(
        self,
        *encoders: ColourEncoder,
        listen: str = "",
        tls: TlsSettings | None = None,
        authenticator: Authenticator | None = None,
    ) -> None:
        self.tls = tls or TlsSettings()
        self.authenticator = authenticator
        self.encoders = list(encoders) or [ColourEncoder()]
        self.address = listen or free_address()
        self._running: tuple[EmbeddingService, RunningServer] | None = None
        self.start()

    @property
    def encoder(self) -> ColourEncoder:
        """The default model."""
        return self.encoders[0]

    def start(self) -> None:
        limits = RequestLimits(items=16, image=_LIMITS, text_characters=100, message_bytes=16 << 20, bulk_calls=4)
        batching = BatchSettings(max_batch=8, batch_wait_milliseconds=1, bulk_pass_milliseconds=1000, queue_items=64)
        embedded = [encoder.images_embedded for encoder in self.encoders]
        service = EmbeddingService(self.encoders, limits, batching)
        for encoder, images in zip(self.encoders, embedded, strict=True):
            encoder.images_embedded = images  # it warms up with a picture of its own
        settings = ServerSettings(listen=self.address, metrics_listen="", tls=self.tls, workers=8, grace_seconds=0)
        server = start_server([served(service)], settings, package="soutu.embedding.v1", authenticator=self.authenticator)
        self._running = service, server

    def stop(self) -> None:
        if self._running is not None:
            service, server = self._running
            self._running = None
            server.stop(0)
            service.close()
