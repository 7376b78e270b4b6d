"""The gRPC face of the embedding service: translate and delegate."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from soutu.embedding.v1 import embedding_pb2, embedding_pb2_grpc

from soutu_services.embedding.encoder import ItemProblem, ItemRefused, Tower
from soutu_services.embedding.image_input import ACCEPTED_MEDIA_TYPES
from soutu_services.embedding.service import EmbeddingService, ServedModel
from soutu_services.embedding.ticket import Outcome, Priority, Ticket
from soutu_services.runtime.access import Scope
from soutu_services.runtime.calls import language_of, seconds_left
from soutu_services.runtime.language import Language
from soutu_services.runtime.server import ServedService

__all__ = ["EmbeddingServicer", "served"]

_SERVICE = embedding_pb2.DESCRIPTOR.services_by_name["EmbeddingService"].full_name

_TOWERS = {Tower.TEXT: embedding_pb2.TOWER_TEXT, Tower.IMAGE: embedding_pb2.TOWER_IMAGE}

_REASONS = {
    ItemProblem.EMPTY: embedding_pb2.ITEM_ERROR_REASON_EMPTY,
    ItemProblem.NOT_AN_IMAGE: embedding_pb2.ITEM_ERROR_REASON_NOT_AN_IMAGE,
    ItemProblem.BROKEN_IMAGE: embedding_pb2.ITEM_ERROR_REASON_BROKEN_IMAGE,
    ItemProblem.TOO_MANY_PIXELS: embedding_pb2.ITEM_ERROR_REASON_TOO_MANY_PIXELS,
    ItemProblem.TOO_LARGE: embedding_pb2.ITEM_ERROR_REASON_TOO_LARGE,
    ItemProblem.MODEL_FAILED: embedding_pb2.ITEM_ERROR_REASON_MODEL_FAILED,
}


class EmbeddingServicer(embedding_pb2_grpc.EmbeddingServiceServicer):
    """Answers ``soutu.embedding.v1.EmbeddingService``."""

    def __init__(self, service: EmbeddingService) -> None:
        self._service = service

    def EmbedTexts(  # noqa: N802 - the proto's name
        self, request: embedding_pb2.EmbedTextsRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedTextsResponse:
        """Embed texts."""
        ticket = _ticket(len(request.texts), request.priority == embedding_pb2.PRIORITY_BULK, context)
        embedded = self._service.embed_texts(request.texts, space_id=request.space_id, ticket=ticket)
        results = _results(embedded.outcomes, language_of(context))
        return embedding_pb2.EmbedTextsResponse(space_id=embedded.space_id, variant=embedded.variant, results=results)

    def EmbedImages(  # noqa: N802
        self, request: embedding_pb2.EmbedImagesRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedImagesResponse:
        """Embed encoded images."""
        ticket = _ticket(len(request.images), request.priority == embedding_pb2.PRIORITY_BULK, context)
        embedded = self._service.embed_images(request.images, space_id=request.space_id, ticket=ticket)
        results = _results(embedded.outcomes, language_of(context))
        return embedding_pb2.EmbedImagesResponse(space_id=embedded.space_id, variant=embedded.variant, results=results)

    def ListModels(  # noqa: N802
        self, request: embedding_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.ListModelsResponse:
        """List the models, the default first."""
        return embedding_pb2.ListModelsResponse(models=[_model(model) for model in self._service.models()])


def served(service: EmbeddingService) -> ServedService:
    """Return what a server needs in order to serve the service."""
    servicer = EmbeddingServicer(service)
    return ServedService(
        _SERVICE,
        lambda server: embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(servicer, server),
        {"EmbedTexts": Scope.READ, "EmbedImages": Scope.READ, "ListModels": Scope.READ},
    )


def _ticket(items: int, bulk: bool, context: grpc.ServicerContext) -> Ticket:
    ticket = Ticket(items, priority=Priority.BULK if bulk else Priority.INTERACTIVE, seconds_left=seconds_left(context))
    if not context.add_callback(ticket.abandon):  # called when the call ends, however it ends
        ticket.abandon()
    return ticket


def _results(outcomes: Sequence[Outcome], language: Language) -> list[embedding_pb2.ItemResult]:
    return [_result(outcome, language) for outcome in outcomes]


def _result(outcome: Outcome, language: Language) -> embedding_pb2.ItemResult:
    if isinstance(outcome, ItemRefused):
        error = embedding_pb2.ItemError(reason=_REASONS[outcome.problem], message=outcome.text.to(language))
        return embedding_pb2.ItemResult(error=error)
    return embedding_pb2.ItemResult(embedding=outcome.astype("<f4", copy=False).tobytes())


def _model(model: ServedModel) -> embedding_pb2.Model:
    card, limits = model.card, model.limits
    has_images = Tower.IMAGE in card.towers
    return embedding_pb2.Model(
        space_id=card.space_id,
        variant=card.variant,
        name=card.name,
        dimension=card.dimension,
        towers=[number for tower, number in _TOWERS.items() if tower in card.towers],
        input_size=card.input_size,
        accepted_media_types=ACCEPTED_MEDIA_TYPES if has_images else (),
        limits=embedding_pb2.Limits(
            batch_items=limits.items,
            image_bytes=limits.image.max_bytes,
            image_pixels=limits.image.max_pixels,
            text_characters=model.text_characters,
            message_bytes=limits.message_bytes,
        ),
        drift=card.drift,
    )
