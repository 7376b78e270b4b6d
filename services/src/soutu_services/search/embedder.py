"""The search service's side of an embedding service: the only module here that knows its protobuf types."""

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
from soutu_services.runtime.errors import REASON_METADATA_KEY, DeadlinePassed, InvalidInput, Overloaded, SoutuError
from soutu_services.runtime.request_ids import REQUEST_ID_KEY, current_request_id, new_request_id
from soutu_services.runtime.tls_probe import explain_unavailable
from soutu_services.search.embedding_errors import (
    EmbedderAway,
    EmbedderFailed,
    EmbedderRefuses,
    EmbedderUntrusted,
    SpaceChanged,
    TowerNotLoaded,
    VectorsMalformed,
)
from soutu_services.search.embedding_model import Embedded, EmbeddingModel, Malformed, NotEmbedded, Outcome
from soutu_services.search.model import UnreadableReason

__all__ = ["Embedder", "EmbedderTimeouts"]

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_MESSAGE_RESERVE_BYTES = 64 * 1024
_NORM_TOLERANCE = 1e-3
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
class EmbedderTimeouts:
    """How long calls may take, in seconds. ``bulk_seconds`` is for ingest: a busy model may serve people first."""

    models_seconds: float = 5.0
    interactive_seconds: float = 20.0
    bulk_seconds: float = 120.0


class Embedder:
    """A client of one embedding service. Safe to use from several threads; close it at the end."""

    def __init__(
        self,
        address: str,
        *,
        access: PeerAccess | None = None,
        timeouts: EmbedderTimeouts | None = None,
        max_message_bytes: int = _MAX_MESSAGE_BYTES,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            address: ``host:port``, ``tls://host:port`` or ``plain://host:port``.
            access: TLS and token; None: neither.
            timeouts: Deadlines of the calls.
            max_message_bytes: Largest message in both directions.
        """
        self.address = address
        self._access = access or PeerAccess()
        self._timeouts = timeouts or EmbedderTimeouts()
        self._max_message_bytes = max_message_bytes
        self._answered_at = 0.0
        self._lock = threading.Lock()
        self._channel = self._open()
        self._stub = embedding_pb2_grpc.EmbeddingServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._channel.close()

    def reconnect(self) -> None:
        """Leave the connection and whatever waits for an answer on it; the next call makes another.

        A machine that was put to sleep leaves a connection behind that looks sound: calls on it would wait for their deadlines,
        and go on waiting once the machine is back.
        """
        with self._lock:
            left, self._channel = self._channel, self._open()
            self._stub = embedding_pb2_grpc.EmbeddingServiceStub(self._channel)
        left.close()

    @property
    def answered_at(self) -> float:
        """When the service answered last, whatever it said, on the monotonic clock; 0 if it never did."""
        return self._answered_at

    def models(self) -> tuple[EmbeddingModel, ...]:
        """Ask which models it has, the default first, each space once.

        Raises:
            Unavailable: the service does not answer.
            DeadlinePassed: it took too long.
        """
        response = self._call("ListModels", embedding_pb2.ListModelsRequest(), self._timeouts.models_seconds)
        spaces: dict[str, list[embedding_pb2.Model]] = {}
        for model in response.models:
            spaces.setdefault(model.space_id, []).append(model)
        return tuple(self._converted(of_space) for of_space in spaces.values())

    def embed_texts(self, texts: Sequence[str], model: EmbeddingModel, *, interactive: bool = True) -> list[Outcome]:
        """Embed texts, each with its own outcome, in their order.

        Args:
            texts: Texts.
            model: What to embed with, as ``models`` gave it.
            interactive: Whether a person waits.

        Raises:
            Unavailable: the service does not answer.
            FailedPrecondition: its text tower is not loaded; ``SpaceChanged``: it does not serve the model's space any more.
            Overloaded: its queue is full.
            DeadlinePassed: it took too long.
        """
        outcomes: list[Outcome] = []
        for batch in _batches(texts, [len(text.encode()) for text in texts], model):
            request = embedding_pb2.EmbedTextsRequest(space_id=model.space_id, texts=batch, priority=_priority(interactive))
            response = self._call("EmbedTexts", request, self._seconds(interactive))
            outcomes.extend(_outcomes(response, model, len(batch)))
        return outcomes

    def embed_images(self, images: Sequence[bytes], model: EmbeddingModel, *, interactive: bool = False) -> list[Outcome]:
        """Embed encoded images, each with its own outcome, in their order; arguments and errors as for texts."""
        outcomes: list[Outcome] = []
        for batch in _batches(images, [len(image) for image in images], model):
            request = embedding_pb2.EmbedImagesRequest(space_id=model.space_id, images=batch, priority=_priority(interactive))
            response = self._call("EmbedImages", request, self._seconds(interactive))
            outcomes.extend(_outcomes(response, model, len(batch)))
        return outcomes

    def _open(self) -> grpc.Channel:
        return open_channel(
            self.address,
            self._access,
            options=[
                ("grpc.max_send_message_length", self._max_message_bytes),
                ("grpc.max_receive_message_length", self._max_message_bytes),
                ("grpc.enable_retries", 1),
                ("grpc.service_config", json.dumps(_RETRY)),
                ("grpc.initial_reconnect_backoff_ms", 200),
                ("grpc.min_reconnect_backoff_ms", 3000),  # how long one attempt may take: a sleeping machine refuses nothing
                ("grpc.max_reconnect_backoff_ms", 1000),  # the watch backs off by itself
                ("grpc.keepalive_time_ms", 15_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.max_pings_without_data", 0),
                ("grpc.dns_min_time_between_resolutions_ms", 1000),  # or a machine that moved is not found for half a minute
                ("grpc.use_local_subchannel_pool", 1),  # or a new channel would be given the old one's connection
            ],
        )

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

    def _seconds(self, interactive: bool) -> float:
        return self._timeouts.interactive_seconds if interactive else self._timeouts.bulk_seconds

    def _call(self, method: str, request: Any, seconds: float) -> Any:
        with self._lock:
            call: Callable[..., Any] = getattr(self._stub, method)
        try:
            response = call(request, timeout=seconds, metadata=((REQUEST_ID_KEY, current_request_id() or new_request_id()),))
        except grpc.RpcError as error:
            translated = self._untrusted(error) or _translated(error)
            if not isinstance(translated, EmbedderAway | DeadlinePassed):
                self._answered_at = time.monotonic()
            raise translated from error
        except ValueError as error:  # the connection was left just now
            raise EmbedderAway from error
        self._answered_at = time.monotonic()
        return response

    def _untrusted(self, error: grpc.RpcError) -> EmbedderUntrusted | None:
        if not isinstance(error, grpc.Call) or error.code() is not grpc.StatusCode.UNAVAILABLE:
            return None
        why = explain_unavailable(error.details() or "", self.address, self._access)
        return EmbedderUntrusted(why) if why else None


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
        raise VectorsMalformed
    return [_outcome(result, response.variant, model) for result in response.results]


def _outcome(result: embedding_pb2.ItemResult, variant: str, model: EmbeddingModel) -> Outcome:
    match result.WhichOneof("outcome"):
        case "error":
            return NotEmbedded(_REASONS.get(result.error.reason, UnreadableReason.MODEL_FAILED), result.error.message)
        case None:  # says nothing, which says nothing of the item either
            return Malformed("there is neither a vector nor an error")
    if len(result.embedding) != 4 * model.dimension:
        return Malformed("the vector has the wrong length")
    vector = np.frombuffer(result.embedding, dtype="<f4").astype(np.float32, copy=False)
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not abs(norm - 1.0) <= _NORM_TOLERANCE:  # also false for what is not finite
        return Malformed("the vector is not of length 1")
    return Embedded(vector, model.space_id, variant)


def _translated(error: grpc.RpcError) -> SoutuError:
    status = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    match status:
        case grpc.StatusCode.FAILED_PRECONDITION if _reason(error) == "TOWER_NOT_LOADED":
            return TowerNotLoaded()
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
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return EmbedderRefuses()
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return EmbedderAway()
        case _:
            return EmbedderFailed()


def _reason(error: grpc.RpcError) -> str:
    metadata: Iterable[tuple[str, str | bytes]] = (error.trailing_metadata() or ()) if isinstance(error, grpc.Call) else ()
    return next((str(value) for key, value in metadata if key == REASON_METADATA_KEY), "")
