"""The search service's side of the embedding service: the only module here that knows its protobuf types."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import numpy as np
from soutu.embedding.v1 import embedding_pb2, embedding_pb2_grpc

from soutu_services.runtime.channels import PeerAccess, open_channel
from soutu_services.runtime.errors import (
    REASON_METADATA_KEY,
    DeadlinePassed,
    FailedPrecondition,
    InvalidInput,
    Overloaded,
    SoutuError,
    Unavailable,
)
from soutu_services.search.model import FloatArray, UnreadableReason
from soutu_services.search.recent import Recent

__all__ = [
    "Embedded",
    "Embedder",
    "EmbedderTimeouts",
    "EmbeddingModel",
    "Malformed",
    "NotEmbedded",
    "Outcome",
    "SpaceChanged",
    "VectorsMalformed",
]

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_MESSAGE_RESERVE_BYTES = 64 * 1024
_NORM_TOLERANCE = 1e-3
_MODEL_SECONDS = 60.0
_SERVICE = embedding_pb2.DESCRIPTOR.services_by_name["EmbeddingService"].full_name

_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": _SERVICE}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_REASONS = {
    embedding_pb2.ITEM_ERROR_REASON_EMPTY: UnreadableReason.EMPTY,
    embedding_pb2.ITEM_ERROR_REASON_NOT_AN_IMAGE: UnreadableReason.NOT_AN_IMAGE,
    embedding_pb2.ITEM_ERROR_REASON_BROKEN_IMAGE: UnreadableReason.BROKEN,
    embedding_pb2.ITEM_ERROR_REASON_TOO_MANY_PIXELS: UnreadableReason.TOO_MANY_PIXELS,
    embedding_pb2.ITEM_ERROR_REASON_TOO_LARGE: UnreadableReason.TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """The model that embeds for this service.

    Attributes:
        space_id: Which embeddings may be compared.
        variant: How it is run.
        name: For people.
        dimension: Length of an embedding.
        has_texts: Whether its text tower is served.
        has_images: Whether its image tower is served.
        batch_items: Most items of one request.
        text_characters: Longest text, in characters.
        image_bytes: Largest image, in bytes.
        message_bytes: Largest request, in bytes.
    """

    space_id: str
    variant: str
    name: str
    dimension: int
    has_texts: bool
    has_images: bool
    batch_items: int
    text_characters: int
    image_bytes: int
    message_bytes: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """An item's embedding: float32, shape (dimension,), L2-normalised, read-only; in the space ``space_id``, by ``variant``."""

    vector: FloatArray
    space_id: str
    variant: str


@dataclass(frozen=True, slots=True)
class NotEmbedded:
    """Why the model has no embedding for one item, and never will."""

    reason: UnreadableReason
    message: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came back for one item is no embedding: a failure of the service, which says nothing of the item."""

    message: str


Outcome = Embedded | NotEmbedded | Malformed


@dataclass(frozen=True, slots=True)
class EmbedderTimeouts:
    """How long calls may take, in seconds. ``bulk_seconds`` is for ingest: a busy model may serve people first."""

    models_seconds: float = 5.0
    interactive_seconds: float = 20.0
    bulk_seconds: float = 120.0


class SpaceChanged(FailedPrecondition):
    """The embedding service no longer serves the space that the catalog's embeddings are in."""

    def __init__(self) -> None:
        super().__init__(
            "SPACE_CHANGED",
            zh="向量服务换了模型，与已有的向量不能比较；请换回原模型，或用 SOUTU_SEARCH_ADOPT_MODEL=1 重启以改用新模型",
            en=(
                "the embedding service serves another model, whose vectors cannot be compared with the library's; put the old "
                "one back, or restart the search service with SOUTU_SEARCH_ADOPT_MODEL=1 to take the new one over"
            ),
        )


class VectorsMalformed(Unavailable):
    """The embedding service answers, but with vectors that are none."""

    def __init__(self) -> None:
        super().__init__(
            "VECTORS_MALFORMED",
            zh="向量服务返回了无效的向量，请重启它并检查它的日志和模型文件；照片会等它恢复后再处理",
            en=(
                "the embedding service sends vectors that are not valid; restart it, and check its log and its model files; "
                "photos wait until it is well again"
            ),
        )


_Response = TypeVar("_Response")


class Embedder:
    """A client of the embedding service. Safe to use from several threads; close it at the end."""

    def __init__(
        self,
        address: str,
        *,
        access: PeerAccess | None = None,
        space_id: str = "",
        timeouts: EmbedderTimeouts | None = None,
        max_message_bytes: int = _MAX_MESSAGE_BYTES,
        cached_texts: int = 1024,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            address: ``host:port``, ``tls://host:port`` or ``plain://host:port``.
            access: TLS and token; None: neither.
            space_id: The space that is embedded into; empty: the service's default model, and from then on that one.
            timeouts: Deadlines of the calls.
            max_message_bytes: Largest message in both directions.
            cached_texts: How many texts' embeddings are kept.
        """
        self._timeouts = timeouts or EmbedderTimeouts()
        self._max_message_bytes = max_message_bytes
        self._wanted_space = space_id
        self._model: EmbeddingModel | None = None
        self._model_until = 0.0
        self._lock = threading.Lock()
        self._cache: Recent[tuple[str, str], Embedded] = Recent(cached_texts)
        self._channel = open_channel(
            address,
            access or PeerAccess(),
            options=[
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.enable_retries", 1),
                ("grpc.service_config", json.dumps(_RETRY)),
                ("grpc.initial_reconnect_backoff_ms", 200),
                ("grpc.max_reconnect_backoff_ms", 5000),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 10_000),
            ],
        )
        self._stub = embedding_pb2_grpc.EmbeddingServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def model(self) -> EmbeddingModel:
        """Describe the model that embeds; asked again after a minute, and after the service was away or refused.

        Raises:
            Unavailable: the service does not answer.
            SpaceChanged: it does not serve the space that this client embeds into.
        """
        with self._lock:
            if self._model is not None and time.monotonic() < self._model_until:
                return self._model
        response = self._call(self._stub.ListModels, embedding_pb2.ListModelsRequest(), self._timeouts.models_seconds)
        if not response.models:
            raise _unavailable()
        with self._lock:
            wanted = self._wanted_space or response.models[0].space_id
            of_space = [model for model in response.models if model.space_id == wanted]
            if not of_space:
                raise SpaceChanged
            self._wanted_space = wanted
            self._model = self._converted(of_space)
            self._model_until = time.monotonic() + _MODEL_SECONDS
            return self._model

    def _converted(self, of_space: Sequence[embedding_pb2.Model]) -> EmbeddingModel:
        """Describe a space by its models: each of its towers may be run by another."""
        model = of_space[0]
        towers = {tower for one in of_space for tower in one.towers}
        return EmbeddingModel(
            space_id=model.space_id,
            variant=model.variant,
            name=model.name,
            dimension=model.dimension,
            has_texts=embedding_pb2.TOWER_TEXT in towers,
            has_images=embedding_pb2.TOWER_IMAGE in towers,
            batch_items=model.limits.batch_items or 1,
            text_characters=model.limits.text_characters,
            image_bytes=model.limits.image_bytes,
            message_bytes=min(model.limits.message_bytes or self._max_message_bytes, self._max_message_bytes),
        )

    def embed_texts(self, texts: Sequence[str], *, interactive: bool = True) -> list[Outcome]:
        """Embed texts, each with its own outcome, in their order. The last ones are remembered, also while the service is away.

        Raises:
            Unavailable: the service does not answer.
            FailedPrecondition: its text tower is not loaded; ``SpaceChanged``: its vectors cannot be compared with those before.
            Overloaded: its queue is full.
            DeadlinePassed: it took too long.
        """
        outcomes: dict[str, Outcome] = {}
        for text in texts:
            known = self._cache.get((self._wanted_space, text))
            if known is not None:
                outcomes[text] = known
        missing = list(dict.fromkeys(text for text in texts if text not in outcomes))
        if not missing:
            return [outcomes[text] for text in texts]
        model = self.model()
        for batch in _batches(missing, [len(text.encode()) for text in missing], model):
            request = embedding_pb2.EmbedTextsRequest(space_id=model.space_id, texts=batch, priority=_priority(interactive))
            response = self._call(self._stub.EmbedTexts, request, self._seconds(interactive))
            for text, outcome in zip(batch, _outcomes(response, model, len(batch)), strict=True):
                outcomes[text] = outcome
                if isinstance(outcome, Embedded):
                    self._cache.put((model.space_id, text), outcome)
        return [outcomes[text] for text in texts]

    def embed_images(self, images: Sequence[bytes], *, interactive: bool = False) -> list[Outcome]:
        """Embed encoded images, each with its own outcome, in their order.

        Raises:
            Unavailable: the service does not answer.
            FailedPrecondition: its image tower is not loaded; ``SpaceChanged``: its vectors cannot be compared with those before.
            Overloaded: its queue is full.
            DeadlinePassed: it took too long.
        """
        model = self.model()
        outcomes: list[Outcome] = []
        for batch in _batches(images, [len(image) for image in images], model):
            request = embedding_pb2.EmbedImagesRequest(space_id=model.space_id, images=batch, priority=_priority(interactive))
            response = self._call(self._stub.EmbedImages, request, self._seconds(interactive))
            outcomes.extend(_outcomes(response, model, len(batch)))
        return outcomes

    def _seconds(self, interactive: bool) -> float:
        return self._timeouts.interactive_seconds if interactive else self._timeouts.bulk_seconds

    def _call(self, method: Callable[..., _Response], request: Any, seconds: float) -> _Response:
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            translated = _translated(error)
            if not isinstance(translated, Overloaded | DeadlinePassed):
                with self._lock:
                    self._model = None  # who answers next may be another
            raise translated from error


_Item = TypeVar("_Item", str, bytes)


def _batches(items: Sequence[_Item], sizes: Sequence[int], model: EmbeddingModel) -> list[list[_Item]]:
    """Cut items into requests that keep the service's limits."""
    batches: list[list[_Item]] = []
    room = 0
    for item, size in zip(items, sizes, strict=True):
        if not batches or len(batches[-1]) >= model.batch_items or size > room:
            batches.append([])
            room = model.message_bytes - _MESSAGE_RESERVE_BYTES
        batches[-1].append(item)
        room -= size + 16
    return batches


def _priority(interactive: bool) -> embedding_pb2.Priority.ValueType:
    return embedding_pb2.PRIORITY_INTERACTIVE if interactive else embedding_pb2.PRIORITY_BULK


def _outcomes(
    response: embedding_pb2.EmbedTextsResponse | embedding_pb2.EmbedImagesResponse, model: EmbeddingModel, items: int
) -> list[Outcome]:
    if response.space_id != model.space_id:
        raise SpaceChanged
    if len(response.results) != items:
        raise _unavailable()
    return [_outcome(result, response.variant, model) for result in response.results]


def _outcome(result: embedding_pb2.ItemResult, variant: str, model: EmbeddingModel) -> Outcome:
    if result.WhichOneof("outcome") != "embedding":
        return NotEmbedded(_REASONS.get(result.error.reason, UnreadableReason.MODEL_FAILED), result.error.message)
    if len(result.embedding) != 4 * model.dimension:
        return Malformed("the vector has the wrong length")
    vector = np.frombuffer(result.embedding, dtype="<f4").astype(np.float32, copy=False)
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not abs(norm - 1.0) <= _NORM_TOLERANCE:  # also false for what is not finite
        return Malformed("the vector is not of length 1")
    return Embedded(vector, model.space_id, variant)


def _unavailable() -> Unavailable:
    return Unavailable(
        "EMBEDDING_UNAVAILABLE",
        zh="向量服务没有响应，请检查它是否在运行；新照片会等它恢复后再处理",
        en="the embedding service does not answer; check that it is running; new photos wait until it is back",
    )


def _translated(error: grpc.RpcError) -> SoutuError:
    status = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    match status:
        case grpc.StatusCode.FAILED_PRECONDITION if _reason(error) == "TOWER_NOT_LOADED":
            return FailedPrecondition(
                "TOWER_NOT_LOADED",
                zh="向量服务没有加载模型的这一半（文字或图片），请连接加载了它的向量服务",
                en="the embedding service has not loaded this half of the model (text or image); connect one that has",
            )
        case grpc.StatusCode.FAILED_PRECONDITION:
            return SpaceChanged()
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Overloaded(
                "EMBEDDING_BUSY", zh="向量服务正忙，请稍后再试", en="the embedding service is busy; try again in a moment"
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlinePassed(
                "EMBEDDING_SLOW",
                zh="向量服务响应超时，请稍后再试",
                en="the embedding service took too long; try again in a moment",
            )
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidInput(
                "EMBEDDING_REFUSED", zh="向量服务不接受这个请求", en="the embedding service does not accept this request"
            )
        case _:
            return _unavailable()


def _reason(error: grpc.RpcError) -> str:
    metadata: Iterable[tuple[str, str | bytes]] = (error.trailing_metadata() or ()) if isinstance(error, grpc.Call) else ()
    return next((str(value) for key, value in metadata if key == REASON_METADATA_KEY), "")
