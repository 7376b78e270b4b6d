"""What the service tells anybody who asks it, by its public calls alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
from soutu.search.v1 import (
    library_service_pb2,
    library_service_pb2_grpc,
    photo_pb2,
    photo_service_pb2,
    photo_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
)

__all__ = ["ToldFacts", "looked_for"]

_SECONDS = 60.0
_PAGE = 200
_WEIGHTS = {"红": 1.0, "绿": 0.5, "蓝": -0.5}
"""What is searched for: each of the three colours of the pictures has a cosine of its own with it."""
_PLAIN = 0.05


class ToldFacts:
    """A connection to the service. Close it at the end."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", 64 << 20)])
        self._search = search_service_pb2_grpc.SearchServiceStub(self._channel)
        self._photos = photo_service_pb2_grpc.PhotoServiceStub(self._channel)
        self._library = library_service_pb2_grpc.LibraryServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def vectors(self) -> int:
        """How many vectors the index has by its own count."""
        return int(self._library.GetStatus(library_service_pb2.GetStatusRequest(), timeout=_SECONDS).index.vectors)

    def listed(self, *, deleted: bool) -> set[str]:
        return {photo.photo_id for photo in self._pages(deleted)}

    def by_look(self, folder: str) -> dict[str, float]:
        """Search a folder by look: the photos that are found, all of them, and their cosines."""
        terms = [search_service_pb2.Term(text=text, weight=weight) for text, weight in _WEIGHTS.items()]
        return {hit.photo.photo_id: hit.cosine for hit in self._hits(terms, folder) if hit.HasField("cosine")}

    def by_word(self, word: str) -> set[str]:
        """Search by a word: the photos that are found by it."""
        return {hit.photo.photo_id for hit in self._hits([search_service_pb2.Term(text=word)], "") if hit.matches}

    def is_found_by_itself(self, picture: bytes, photo_id: str, folder: str) -> bool:
        """Search a folder with a photo's own bytes."""
        return any(hit.photo.photo_id == photo_id for hit in self._hits([search_service_pb2.Term(image=picture)], folder))

    def _pages(self, deleted: bool) -> Iterator[photo_pb2.Photo]:
        request = photo_service_pb2.ListPhotosRequest(page_size=1000, deleted=deleted)
        while True:
            page = self._photos.ListPhotos(request, timeout=_SECONDS)
            yield from page.photos
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _hits(self, terms: list[search_service_pb2.Term], folder: str) -> Iterator[search_service_pb2.Hit]:
        where = photo_pb2.Filter(folders=[folder] if folder else [])
        request = search_service_pb2.SearchPhotosRequest(terms=terms, filter=where, page_size=_PAGE)
        while True:
            page = self._answer(request)
            yield from page.hits
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _answer(self, request: search_service_pb2.SearchPhotosRequest) -> search_service_pb2.SearchPhotosResponse:
        """Ask until the embedding service has its say: it may have been started anew a moment ago."""
        away = search_service_pb2.NOTICE_REASON_EMBEDDING_UNAVAILABLE
        give_up_at = time.monotonic() + _SECONDS
        while True:
            try:
                answer = self._search.SearchPhotos(request, timeout=_SECONDS)
                if all(notice.reason != away for notice in answer.notices):
                    return answer
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            if time.monotonic() > give_up_at:
                raise RuntimeError("the embedding service was not heard of")
            time.sleep(0.05)


def looked_for(dimension: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What ``by_look`` searches for, as the model of the run embeds it."""
    colours = {"红": (1, 0, 0), "绿": (0, 1, 0), "蓝": (0, 0, 1)}
    total = np.zeros(dimension, np.float64)
    for text, weight in _WEIGHTS.items():
        vector = np.zeros(dimension, np.float64)
        vector[-1] = _PLAIN
        vector[-4:-1] = colours[text]
        total += weight * vector / np.linalg.norm(vector)
    return (total / np.linalg.norm(total)).astype(np.float32)
