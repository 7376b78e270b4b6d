"""A real embedding service over real gRPC, with a small model whose passes the tests can hold up."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from soutu.embedding.v1 import embedding_pb2_grpc

from patience import PATIENCE
from soutu_services.embedding.batcher import BatchSettings
from soutu_services.embedding.encoder import FloatArray, ModelCard, Tower
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.embedding.limits import RequestLimits
from soutu_services.embedding.service import EmbeddingService
from soutu_services.embedding.servicer import served
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server

DIMENSION = 8


class SmallEncoder:
    """Embeds a text by its digest and a picture by its mean colour. Special texts misbehave.

    ``gate`` holds every pass while it is clear; ``passes`` records what each pass was given.
    """

    def __init__(
        self, *, space_id: str = "small-space", towers: frozenset[Tower] = frozenset(Tower), name: str = "small"
    ) -> None:
        self.card = ModelCard(name, space_id, "test", DIMENSION, towers, input_size=16, text_characters=50, drift=0.25)
        self.limits = ImageLimits(max_bytes=100_000, max_pixels=1_000_000)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.passes: list[list[Any]] = []
        self.broken = False
        self.closed = False

    def prepare_text(self, text: str) -> str:
        return text

    def prepare_image(self, data: bytes) -> tuple[float, ...]:
        image = decode_rgb(data, self.limits, shorter_side=16)
        return tuple(float(v) for v in np.asarray(image, dtype=np.float64).reshape(-1, 3).mean(axis=0))

    def encode_texts(self, prepared: Sequence[str]) -> FloatArray:
        self._enter(prepared)
        if "boom" in prepared:
            raise RuntimeError("boom at /secret/path")
        return np.stack([self._text(text) for text in prepared])

    def encode_images(self, prepared: Sequence[tuple[float, ...]]) -> FloatArray:
        self._enter(prepared)
        rows = np.zeros((len(prepared), DIMENSION), np.float32)
        rows[:, :3] = np.asarray(prepared) + 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def close(self) -> None:
        self.closed = True

    def _enter(self, prepared: Sequence[Any]) -> None:
        self.passes.append(list(prepared))
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        if self.broken:
            raise RuntimeError("the GPU is gone")

    @staticmethod
    def _text(text: str) -> FloatArray:
        if text == "nan":
            return np.full(DIMENSION, np.nan, np.float32)
        vector = np.frombuffer(hashlib.sha256(text.encode()).digest()[:DIMENSION], np.uint8).astype(np.float32) + 1
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


@dataclass
class House:
    """A running service and a client of it."""

    encoders: list[SmallEncoder]
    service: EmbeddingService
    server: RunningServer
    channel: grpc.Channel
    stub: embedding_pb2_grpc.EmbeddingServiceStub = field(init=False)

    def __post_init__(self) -> None:
        self.stub = embedding_pb2_grpc.EmbeddingServiceStub(self.channel)

    @property
    def encoder(self) -> SmallEncoder:
        return self.encoders[0]


@pytest.fixture
def small_encoder() -> type[SmallEncoder]:
    return SmallEncoder


@pytest.fixture
def start_house() -> Iterator[Callable[..., House]]:
    with ExitStack() as stack:

        def start(
            *encoders: SmallEncoder,
            items: int = 16,
            queue_items: int = 64,
            bulk_calls: int = 4,
            max_batch: int = 4,
            batch_wait_milliseconds: float = 5,
            workers: int = 8,
            max_message_bytes: int = 4 * 1024 * 1024,
        ) -> House:
            loaded = list(encoders) or [SmallEncoder()]
            limits = RequestLimits(
                items=items,
                image=loaded[0].limits,
                text_characters=40,
                message_bytes=max_message_bytes,
                bulk_calls=bulk_calls,
            )
            batching = BatchSettings.model_construct(  # a wait may be longer than people may ask for
                max_batch=max_batch,
                batch_wait_milliseconds=batch_wait_milliseconds,
                bulk_pass_milliseconds=1e9,  # or a pass that was held up would make the next ones smaller
                queue_items=queue_items,
            )
            service = EmbeddingService(loaded, limits, batching)
            stack.callback(service.close)
            for encoder in loaded:
                encoder.passes.clear()
                while encoder.entered.acquire(blocking=False):
                    pass
            settings = ServerSettings(
                metrics_listen="",
                workers=workers,
                calls_per_client=workers,
                max_message_bytes=max_message_bytes,
                grace_seconds=PATIENCE,
            )
            server = start_server([served(service)], settings, package="soutu.embedding.v1")
            stack.callback(server.stop, 1)
            for encoder in loaded:
                stack.callback(encoder.gate.set)  # runs first: lets a held pass go
            channel = grpc.insecure_channel(server.address)
            stack.callback(channel.close)
            return House(loaded, service, server, channel)

        yield start


@pytest.fixture
def house(start_house: Callable[..., House]) -> House:
    return start_house()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    def make(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (40, 30), encoding: str = "PNG") -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", size, colour).save(buffer, encoding)
        return buffer.getvalue()

    return make


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        # gRPC's own client threads end a moment after their channel is closed.
        thread.join(PATIENCE)
        assert not thread.is_alive(), f"{thread.name} is left behind"
