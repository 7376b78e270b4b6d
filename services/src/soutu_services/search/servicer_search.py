"""The search service on the wire: translates and delegates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import grpc
from soutu.search.v1 import search_service_pb2, search_service_pb2_grpc

from soutu_services.runtime.access import Scope
from soutu_services.runtime.calls import access_of, language_of
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Language
from soutu_services.runtime.server import ServedService
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.metrics import QUERY_SECONDS, QUERY_STAGE_SECONDS
from soutu_services.search.model import MatchField
from soutu_services.search.query import MAX_PAGE_SIZE, MAX_TERMS, Hit, NoticeReason, Query, QueryEngine, Term
from soutu_services.search.query_pictures import rendition
from soutu_services.search.servicer_messages import milliseconds, photo_message
from soutu_services.search.servicer_requests import filter_from, page_size_from
from soutu_services.search.visibility import Visibility

__all__ = ["SearchParts", "served_search"]

_FIELDS = {
    MatchField.NAME: search_service_pb2.MATCH_FIELD_NAME,
    MatchField.TAG: search_service_pb2.MATCH_FIELD_TAG,
    MatchField.CAPTION: search_service_pb2.MATCH_FIELD_CAPTION,
    MatchField.ALBUM: search_service_pb2.MATCH_FIELD_ALBUM,
}
_NOTICES = {
    NoticeReason.EMBEDDING_UNAVAILABLE: search_service_pb2.NOTICE_REASON_EMBEDDING_UNAVAILABLE,
    NoticeReason.PHOTOS_PENDING: search_service_pb2.NOTICE_REASON_PHOTOS_PENDING,
}


@dataclass(frozen=True, slots=True)
class SearchParts:
    """What the search service delegates to, and what reads the pictures to search with."""

    engine: QueryEngine
    decoders: DecoderPool


class _SearchServicer(search_service_pb2_grpc.SearchServiceServicer):
    def __init__(self, parts: SearchParts) -> None:
        self._parts = parts

    def SearchPhotos(  # noqa: N802
        self, request: search_service_pb2.SearchPhotosRequest, context: grpc.ServicerContext
    ) -> search_service_pb2.SearchPhotosResponse:
        if len(request.terms) > MAX_TERMS:
            raise InvalidInput("TOO_MANY_TERMS", zh=f"一次搜索最多 {MAX_TERMS} 个条件", en=f"at most {MAX_TERMS} terms a search")
        query = Query(
            terms=tuple(_term(term) for term in request.terms),
            filter=filter_from(request.filter),
            min_score=request.min_score if request.HasField("min_score") else None,
            page_size=page_size_from(request.page_size, default=50, most=MAX_PAGE_SIZE),
            page_token=request.page_token,
        )
        query.check()  # before any picture is decoded
        with QUERY_SECONDS.time():
            terms = tuple(_rendered(term, self._parts.decoders) for term in query.terms)
            page = self._parts.engine.search(replace(query, terms=terms), Visibility.of(access_of(context)))
        language = language_of(context)
        return search_service_pb2.SearchPhotosResponse(
            hits=[_hit(hit, language) for hit in page.hits],
            next_page_token=page.next_page_token,
            notices=[
                search_service_pb2.Notice(reason=_NOTICES[notice.reason], message=notice.text.to(language))
                for notice in page.notices
            ],
        )


def _term(message: search_service_pb2.Term) -> Term:
    weight = message.weight if message.HasField("weight") else 1.0
    match message.WhichOneof("content"):
        case "text":
            return Term(text=message.text, weight=weight)
        case "image":
            return Term(image=message.image, weight=weight)
        case "photo_id":
            return Term(photo_id=message.photo_id, weight=weight)
    raise InvalidInput(
        "BAD_TERM", zh="每个条件应是文字、图片、照片编号之一", en="a term is one of a text, an image and a photo id"
    )


def _rendered(term: Term, decoders: DecoderPool) -> Term:
    if term.image is None:
        return term
    with QUERY_STAGE_SECONDS.labels("picture").time():
        return replace(term, image=rendition(term.image, decoders))


def _hit(hit: Hit, language: Language) -> search_service_pb2.Hit:
    return search_service_pb2.Hit(
        photo=photo_message(hit.photo, language),
        score=hit.score,
        cosine=hit.cosine,
        matches=[search_service_pb2.WordMatch(field=_FIELDS[match.field], text=match.text) for match in hit.matches],
        frame_time=milliseconds(hit.frame_ms),
    )


def served_search(parts: SearchParts) -> ServedService:
    """Make the search service to be served."""
    servicer = _SearchServicer(parts)
    name = search_service_pb2.DESCRIPTOR.services_by_name["SearchService"].full_name
    return ServedService(
        name,
        lambda server: search_service_pb2_grpc.add_SearchServiceServicer_to_server(servicer, server),
        {"SearchPhotos": Scope.READ},
    )
