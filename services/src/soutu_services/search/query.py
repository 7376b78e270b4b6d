"""The query engine: words, pictures and known photos in, photos out, best first.

All terms that can be embedded make one vector, the normalised sum of their embeddings by weight, and photos are ranked by its
cosine. Texts are also looked up among names, tags, captions and albums; the ranked lists are fused by reciprocal rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soutu_services.runtime.errors import (
    DeadlinePassed,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    Overloaded,
    SoutuError,
    Unavailable,
)
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedding_errors import EmbedderUntrusted
from soutu_services.search.fusion import Fused, fuse
from soutu_services.search.index import VectorIndex
from soutu_services.search.metrics import QUERY_STAGE_SECONDS
from soutu_services.search.model import Filter, FloatArray
from soutu_services.search.page_tokens import page_token, read_page_token
from soutu_services.search.query_results import (
    PHOTOS_PENDING,
    Hit,
    Notice,
    NoticeReason,
    ResultPage,
    embedding_unavailable,
)
from soutu_services.search.query_terms import MAX_PAGE_SIZE, MAX_TERMS, MAX_TEXT_CHARACTERS, Query, Term
from soutu_services.search.visibility import Visibility

__all__ = [
    "MAX_DEPTH",
    "MAX_PAGE_SIZE",
    "MAX_TERMS",
    "MAX_TEXT_CHARACTERS",
    "Hit",
    "Notice",
    "NoticeReason",
    "Query",
    "QueryEmbedder",
    "QueryEngine",
    "ResultPage",
    "Term",
]

MAX_DEPTH = 1000
"""Most photos that are found by look; as many texts found by words come on top. Whoever wants more says more."""

_SMALLEST_SUM = 1e-6


class QueryEmbedder(Protocol):
    """Embeds what a person asks for. Both methods raise ``Unavailable`` if the model does not answer now."""

    def embed_text(self, text: str, *, space_id: str) -> FloatArray:
        """Embed a text into a space: float32, shape (dimension,), L2-normalised.

        Raises:
            Unavailable: the model does not answer.
            FailedPrecondition: another model answers, or its half for texts is not loaded (``TOWER_NOT_LOADED``).
            InvalidInput: the text cannot be embedded.
        """
        ...

    def embed_image(self, image: bytes, *, space_id: str) -> FloatArray:
        """Embed a picture, a rendition like the thumbnails, into a space; see ``embed_text``."""
        ...


@dataclass(frozen=True, slots=True)
class _Nearest:
    """The embedding of a photo that comes nearest to what is looked for: its id, and its cosine."""

    embedding_id: int
    cosine: float


class QueryEngine:
    """Answers queries. Thread safe."""

    def __init__(self, catalog: Catalog, index: VectorIndex | None, embedder: QueryEmbedder) -> None:
        """Take what it answers from.

        Args:
            catalog: The library.
            index: The index that serves; None while no space is known: then words alone answer.
            embedder: Embeds texts and pictures.
        """
        self._catalog = catalog
        self._index = index
        self._embedder = embedder

    def serve_from(self, index: VectorIndex | None) -> None:
        """Answer from another index from now on; calls under way keep theirs."""
        self._index = index

    def search(self, query: Query, visibility: Visibility) -> ResultPage:
        """Answer a page of a query.

        Pages are stable while the library does not change; a page is computed from nothing but the query, what the caller may
        see, and the token, which is bound to both.

        Args:
            query: The query.
            visibility: What the caller may see: nothing else is found, named, counted or taken into account.

        Raises:
            InvalidInput: the query, its filter or its page token cannot be right, or its terms cancel each other out.
            NotFound: a photo it names does not exist.
            FailedPrecondition: a photo it names is not embedded, or the embedding service serves another model.
            Unavailable: it has a picture, or nothing else, that cannot be embedded now.
        """
        query.check()
        if not query.terms:
            return self._newest(query, visibility)
        index = self._index
        digest = query.digest(visibility)
        position = read_page_token(query.page_token, digest, int, int)
        start, was_seen = position if position else (0, None)
        known = self._known_photos(query.terms, visibility)
        texts = [term.text for term in query.terms if term.text is not None and term.weight > 0]
        try:
            with QUERY_STAGE_SECONDS.labels("embed").time():
                vector, problem = (None, _no_model()) if index is None else self._vector(index, query.terms, known)
        except EmbedderUntrusted as error:
            raise _told(error, visibility) from None
        if problem is not None:
            problem = _told(problem, visibility)
        if problem is not None and vector is None and not texts:
            raise problem
        if was_seen is not None and was_seen != (problem is None):
            if problem is not None:
                raise problem
            vector, problem = self._without_embedder(index, query.terms, known)  # the list began so and ends so
        ranked, nearest = self._ranked(query, visibility, index, vector, texts, leave_out=set(known.values()))
        page = ranked[start : start + query.page_size]
        more = start + query.page_size < len(ranked)
        token = page_token(digest, [start + query.page_size, int(problem is None)]) if more else ""
        return ResultPage(self._hits(page, nearest, visibility), token, self._notices(query, visibility, texts, problem))

    def _newest(self, query: Query, visibility: Visibility) -> ResultPage:
        digest = query.digest(visibility)
        position = read_page_token(query.page_token, digest, str, str)
        after = (position[0], position[1]) if position else None
        photos, following = self._catalog.photos.newest_searchable(query.filter, visibility, query.page_size, after=after)
        token = page_token(digest, list(following)) if following else ""
        return ResultPage(tuple(Hit(photo, 0.0, None, ()) for photo in photos), token)

    def _known_photos(self, terms: Sequence[Term], visibility: Visibility) -> dict[str, str]:
        """Map the photo ids that terms name to whole ids."""
        known = {}
        for term in terms:
            if term.photo_id is not None and term.photo_id not in known:
                photo = self._catalog.photos.get(term.photo_id, visibility)
                if photo.deleted_at is not None:
                    raise NotFound("PHOTO_DELETED", zh="这张照片已被删除", en="the photo is deleted")
                known[term.photo_id] = photo.photo_id
        return known

    def _vector(
        self, index: VectorIndex, terms: Sequence[Term], known: dict[str, str]
    ) -> tuple[FloatArray | None, SoutuError | None]:
        """Make one vector of the terms, and say what kept some of them out; None if none that is looked for is left."""
        stored = self._catalog.embeddings.vectors(index.space_id, list(known.values()))
        total = np.zeros(index.dimension, dtype=np.float64)
        problem: SoutuError | None = None
        is_looked_for = False
        for term in terms:
            if term.weight == 0:
                continue
            try:
                embedding = self._embedding(index, term, known, stored)
            except (Unavailable, Overloaded, DeadlinePassed, FailedPrecondition) as error:
                if term.text is None or (isinstance(error, FailedPrecondition) and error.reason != "TOWER_NOT_LOADED"):
                    raise  # a picture cannot be left out: what is found without it is not what was asked for
                problem = error  # words can still be looked up
                continue
            total += term.weight * embedding
            is_looked_for = is_looked_for or term.weight > 0
        if not is_looked_for:
            return None, problem
        length = float(np.linalg.norm(total))
        if length < _SMALLEST_SUM:
            raise InvalidInput("TERMS_CANCEL", zh="各个条件互相抵消了，请修改", en="the terms cancel each other out; change them")
        return (total / length).astype(np.float32), problem

    def _without_embedder(
        self, index: VectorIndex | None, terms: Sequence[Term], known: dict[str, str]
    ) -> tuple[FloatArray | None, SoutuError | None]:
        if index is None:
            return None, _no_model()
        return self._vector(index, [term for term in terms if term.photo_id is not None], known)[0], _no_model_then()

    def _embedding(self, index: VectorIndex, term: Term, known: dict[str, str], stored: dict[str, FloatArray]) -> FloatArray:
        if term.photo_id is not None:
            if known[term.photo_id] not in stored:
                raise FailedPrecondition(
                    "PHOTO_NOT_EMBEDDED",
                    zh="这张照片还没有识别完，暂时不能用它来找相似的照片",
                    en="the photo is not embedded yet, so nothing similar to it can be found for now",
                )
            return stored[known[term.photo_id]]
        if term.text is not None:
            embedding = self._embedder.embed_text(term.text, space_id=index.space_id)
        else:
            embedding = self._embedder.embed_image(term.image or b"", space_id=index.space_id)
        if embedding.shape != (index.dimension,):
            raise FailedPrecondition(
                "DIMENSION_DIFFERS",
                zh="向量服务的模型与图库不符，请检查它使用的模型",
                en="the embedding service's model does not fit the library; check which model it runs",
            )
        if not np.isfinite(embedding).all():
            raise _no_model()
        return embedding

    def _ranked(
        self,
        query: Query,
        visibility: Visibility,
        index: VectorIndex | None,
        vector: FloatArray | None,
        texts: Sequence[str],
        *,
        leave_out: set[str],
    ) -> tuple[list[Fused], dict[str, _Nearest]]:
        """Rank the photos, and tell the nearest of each one's embeddings."""
        with QUERY_STAGE_SECONDS.labels("words").time():
            for term in query.terms:
                if term.text is not None and term.weight < 0:
                    leave_out |= self._catalog.words.photos_with(term.text, query.filter, visibility)
            by_words = [
                [hit for hit in self._catalog.words.search(text, query.filter, visibility) if hit.photo_id not in leave_out]
                for text in texts
            ]
        if index is None or vector is None:
            return fuse([], by_words, {}), {}
        with QUERY_STAGE_SECONDS.labels("index").time():
            by_look = self._by_look(index, vector, query.filter, visibility, leave_out)
            nearest = self._of_photos(index, vector, {hit.photo_id for hits in by_words for hit in hits}) | by_look
        smallest = -1.0 if query.min_score is None else query.min_score
        looked = [photo_id for photo_id, found in by_look.items() if found.cosine >= smallest]
        return fuse(looked, by_words, {photo_id: found.cosine for photo_id, found in nearest.items()}), nearest

    def _by_look(
        self, index: VectorIndex, vector: FloatArray, photo_filter: Filter, visibility: Visibility, leave_out: set[str]
    ) -> dict[str, _Nearest]:
        """Map the nearest photos, best first, to the nearest of their embeddings.

        It looks deeper again where some of the nearest are not to be shown.
        """
        allowed = None
        if not (photo_filter.is_empty and visibility.is_everything):
            allowed = self._catalog.embeddings.ids_matching(index.space_id, photo_filter, visibility)
        count = MAX_DEPTH + MAX_DEPTH // 8 + len(leave_out)
        while True:
            ids, cosines = index.search(vector, count, allowed)
            photos = self._catalog.embeddings.photos_of(ids)
            best: dict[str, _Nearest] = {}
            for embedding_id, cosine in zip(ids.tolist(), cosines.tolist(), strict=True):
                photo_id = photos.get(embedding_id)
                if photo_id is not None and photo_id not in leave_out:
                    best.setdefault(photo_id, _Nearest(embedding_id, cosine))  # the best of several frames comes first
            if len(best) >= MAX_DEPTH or len(ids) < count:
                return dict(sorted(best.items(), key=lambda item: (-item[1].cosine, item[0]))[:MAX_DEPTH])
            count *= 2

    def _of_photos(self, index: VectorIndex, vector: FloatArray, photo_ids: set[str]) -> dict[str, _Nearest]:
        photos = self._catalog.embeddings.ids_of(index.space_id, sorted(photo_ids))
        ids, cosines = index.search(vector, len(photos), np.array(sorted(photos), dtype=np.int64))
        best: dict[str, _Nearest] = {}
        for embedding_id, cosine in zip(ids.tolist(), cosines.tolist(), strict=True):
            best.setdefault(photos[embedding_id], _Nearest(embedding_id, cosine))
        return best

    def _hits(self, page: Sequence[Fused], nearest: dict[str, _Nearest], visibility: Visibility) -> tuple[Hit, ...]:
        with QUERY_STAGE_SECONDS.labels("hydrate").time():
            found = self._catalog.photos.get_many([one.photo_id for one in page], visibility)
            embeddings = {one.photo_id: nearest[one.photo_id].embedding_id for one in page if one.photo_id in nearest}
            frames = self._catalog.embeddings.frames_of(list(embeddings.values()))
        photos = {photo.photo_id: photo for photo in found}
        return tuple(
            Hit(photos[one.photo_id], one.score, one.cosine, one.matches, frames.get(embeddings.get(one.photo_id, -1)))
            for one in page
            if one.photo_id in photos
        )

    def _notices(
        self, query: Query, visibility: Visibility, texts: Sequence[str], problem: SoutuError | None
    ) -> tuple[Notice, ...]:
        if problem is not None:
            return (embedding_unavailable(problem.text),)
        return (PHOTOS_PENDING,) if texts and self._catalog.photos.any_pending(query.filter, visibility) else ()


def _told(problem: SoutuError, visibility: Visibility) -> SoutuError:
    """Return what a caller is told of a problem: where the embedding service runs is not for one who is confined."""
    return _no_model() if isinstance(problem, EmbedderUntrusted) and not visibility.is_everything else problem


def _no_model() -> Unavailable:
    return Unavailable(
        "EMBEDDING_UNAVAILABLE",
        zh="向量服务没有应答，请确认它已启动后再试",
        en="the embedding service does not answer; check that it runs and try again",
    )


def _no_model_then() -> Unavailable:
    return Unavailable(
        "EMBEDDING_UNAVAILABLE",
        zh="这个列表开始时向量服务不可用，重新搜索即可再试",
        en="the embedding service could not be used when this list began; search again to try",
    )
