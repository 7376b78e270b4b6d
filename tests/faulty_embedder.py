"""An embedding service that fails as it is told to, over real gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import grpc
import numpy as np
from soutu.embedding.v1 import embedding_pb2, embedding_pb2_grpc

from loopback_ports import free_address
from patience import PATIENCE
from soutu_services.runtime.errors import REASON_METADATA_KEY
from soutu_services.search.embedder import EmbedderTimeouts

DIMENSION = 4
PATIENT = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=PATIENCE, bulk_seconds=PATIENCE)


class FaultyEmbedder(embedding_pb2_grpc.EmbeddingServiceServicer):
    """Embeds an item by its first byte, once it ``may_answer``; fails as it is told to; knows how long each call may take.

    Each fault is an attribute: ``failures`` are the answers to the next calls, ``always`` to all, ``vector`` makes the vectors,
    ``results_missing`` are left out of each answer, and while ``may_list`` is
    cleared it does not tell its models either, as a machine that sleeps.
    """

    def __init__(self, space_id: str = "space-a", towers: str = "text image", variant: str = "v") -> None:
        self.space_id = space_id
        self.towers = towers
        self.variant = variant
        self.dimension = DIMENSION
        self.results_missing = 0
        self.always: tuple[grpc.StatusCode, str] | None = None
        self.may_list = threading.Event()
        self.may_list.set()
        self.answered_space = ""
        self.batches: list[list[bytes]] = []
        self.priorities: list[int] = []
        self.models_asked = 0
        self.failures: list[tuple[grpc.StatusCode, str]] = []
        self.vector: Callable[[bytes], bytes] = self.unit
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.seconds_left: list[float | None] = []
        self.message_bytes = 1024 * 1024

    @staticmethod
    def unit(item: bytes) -> bytes:
        raw = np.array([1 + item[0], 2, 3, 4], dtype=np.float32)
        return (raw / np.linalg.norm(raw)).astype("<f4").tobytes()

    def ListModels(self, request: object, context: grpc.ServicerContext) -> embedding_pb2.ListModelsResponse:  # noqa: N802
        self.models_asked += 1
        self.seconds_left.append(context.time_remaining())
        self.may_list.wait(PATIENCE)
        limits = embedding_pb2.Limits(batch_items=3, message_bytes=self.message_bytes, text_characters=50, image_bytes=100_000)
        model = embedding_pb2.Model(space_id=self.space_id, variant=self.variant, name="tiny", dimension=self.dimension)
        model.limits.CopyFrom(limits)
        named = {"text": embedding_pb2.TOWER_TEXT, "image": embedding_pb2.TOWER_IMAGE}
        halves = [[named[tower]] for tower in self.towers.split()]
        other = embedding_pb2.Model(space_id="space-other", dimension=7)
        models = [embedding_pb2.Model(towers=towers) for towers in halves]
        for half in models:
            half.MergeFrom(model)
        return embedding_pb2.ListModelsResponse(models=[*models, other])

    def EmbedTexts(  # noqa: N802
        self, request: embedding_pb2.EmbedTextsRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedTextsResponse:
        results = self._results(request, [text.encode() for text in request.texts], context)
        return embedding_pb2.EmbedTextsResponse(
            space_id=self.answered_space or request.space_id, variant=self.variant, results=results
        )

    def EmbedImages(  # noqa: N802
        self, request: embedding_pb2.EmbedImagesRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedImagesResponse:
        results = self._results(request, list(request.images), context)
        return embedding_pb2.EmbedImagesResponse(
            space_id=self.answered_space or request.space_id, variant=self.variant, results=results
        )

    def _results(
        self,
        request: embedding_pb2.EmbedTextsRequest | embedding_pb2.EmbedImagesRequest,
        items: list[bytes],
        context: grpc.ServicerContext,
    ) -> list[embedding_pb2.ItemResult]:
        self.batches.append(items)
        self.priorities.append(request.priority)
        self.seconds_left.append(context.time_remaining())
        self.may_answer.wait(PATIENCE)
        failure = self.failures.pop(0) if self.failures else self.always
        if failure is not None:
            status, reason = failure
            context.set_trailing_metadata(((REASON_METADATA_KEY, reason),))
            context.abort(status, "told to fail")
        if request.space_id != self.space_id:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not served")
        return [self._result(item) for item in items[self.results_missing :]]

    def _result(self, item: bytes) -> embedding_pb2.ItemResult:
        if item == b"broken":
            error = embedding_pb2.ItemError(reason=embedding_pb2.ITEM_ERROR_REASON_BROKEN_IMAGE, message="damaged")
            return embedding_pb2.ItemResult(error=error)
        return embedding_pb2.ItemResult(embedding=self.vector(item))


def serve_embedder(service: FaultyEmbedder, stack: ExitStack, address: str = "") -> tuple[str, Callable[[], None]]:
    address = address or free_address()
    pool = ThreadPoolExecutor(4)
    server = grpc.server(pool, options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
    embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    server.start()

    def stop() -> None:
        stopped = server.stop(None)  # at once: what waits for an answer gets none
        service.may_answer.set()
        service.may_list.set()
        stopped.wait()
        pool.shutdown()

    stack.callback(stop)
    return address, stop
