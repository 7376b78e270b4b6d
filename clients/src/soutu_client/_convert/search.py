"""Searches and their hits."""

from __future__ import annotations

from collections.abc import Sequence

from soutu.search.v1 import search_service_pb2

from soutu_client._convert.photos import filter_message, photo
from soutu_client._convert.values import member, milliseconds
from soutu_client.models import (
    Filter,
    Hit,
    ImageTerm,
    MatchField,
    Notice,
    NoticeReason,
    SearchPage,
    Term,
    TextTerm,
    WordMatch,
)

__all__ = ["search_page", "search_request"]


def search_request(
    terms: Sequence[Term], *, chosen: Filter | None, min_score: float | None, page_size: int, page_token: str
) -> search_service_pb2.SearchPhotosRequest:
    """Return a search."""
    return search_service_pb2.SearchPhotosRequest(
        terms=[_term(term) for term in terms],
        filter=filter_message(chosen),
        min_score=min_score,
        page_size=page_size,
        page_token=page_token,
    )


def _term(term: Term) -> search_service_pb2.Term:
    if isinstance(term, TextTerm):
        return search_service_pb2.Term(text=term.text, weight=term.weight)
    if isinstance(term, ImageTerm):
        return search_service_pb2.Term(image=term.image, weight=term.weight)
    return search_service_pb2.Term(photo_id=term.photo_id, weight=term.weight)


def search_page(message: search_service_pb2.SearchPhotosResponse) -> SearchPage:
    """Return a page of hits."""
    return SearchPage(
        hits=tuple(_hit(hit) for hit in message.hits),
        next_page_token=message.next_page_token,
        notices=tuple(_notice(notice) for notice in message.notices),
    )


def _hit(message: search_service_pb2.Hit) -> Hit:
    return Hit(
        photo=photo(message.photo),
        score=message.score,
        cosine=message.cosine if message.HasField("cosine") else None,
        matches=tuple(_match(match) for match in message.matches),
        frame_ms=milliseconds(message, "frame_time"),
    )


def _match(message: search_service_pb2.WordMatch) -> WordMatch:
    field = member(MatchField, search_service_pb2.MatchField.DESCRIPTOR, message.field, "MATCH_FIELD_")
    return WordMatch(field=field or MatchField.UNKNOWN, text=message.text)


def _notice(message: search_service_pb2.Notice) -> Notice:
    reason = member(NoticeReason, search_service_pb2.NoticeReason.DESCRIPTOR, message.reason, "NOTICE_REASON_")
    return Notice(reason=reason or NoticeReason.UNKNOWN, message=message.message)
