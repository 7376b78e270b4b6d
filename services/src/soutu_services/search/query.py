"""The query engine: words, pictures and known photos in, photos out, best first.

All terms that can be embedded make one vector, the normalised sum of their embeddings by weight, and photos are ranked by its
cosine. Texts are also looked up among names, tags, captions and albums; the ranked lists are fused by reciprocal rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice
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
from soutu_services.search.catalog import Catalog, IdArray, WordHit
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

_FIRST_DEPTH = 250
"""Photos that the first pages are made of: pages that end within them need no look beyond."""

_SMALLEST_SUM = 1e-6
_WORD_THREADS = 4
"""Words are looked up while the embedding service works: elsewhere, or on another core."""


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
        self._beside = ThreadPoolExecutor(_WORD_THREADS, thread_name_prefix="words")

    def close(self) -> None:
        """Let go of the threads; no call may be under way."""
        self._beside.shutdown()

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
        words = self._beside.submit(copy_context().run, self._by_words, query, visibility, texts, set(known.values()))
        try:
            with QUERY_STAGE_SECONDS.labels("embed").time():
                vector, problem = (None, _no_model()) if index is None else self._vector(index, query.terms, known)
        except EmbedderUntrusted as error:
            raise _told(error, visibility) from None
        finally:
            wait([words])  # no call leaves anything behind that reads the catalog
        if problem is not None:
            problem = _told(problem, visibility)
        if problem is not None and vector is None and not texts:
            raise problem
        if was_seen is not None and was_seen != (problem is None):
            if problem is not None:
                raise problem
            vector, problem = self._without_embedder(index, query.terms, known)  # the list began so and ends so
        last = start + query.page_size + 1  # one more, to tell whether there is more
        ranked = self._ranked(query, visibility, index, vector, words.result(), last=last)
        page = ranked[start : start + query.page_size]
        more = start + query.page_size < len(ranked)
        token = page_token(digest, [start + query.page_size, int(problem is None)]) if more else ""
        return ResultPage(
            self._hits(page, visibility, self._frames(index, vector, page)),
            token,
            self._notices(query, visibility, texts, problem),
        )

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

    def _by_words(
        self, query: Query, visibility: Visibility, texts: Sequence[str], known: set[str]
    ) -> tuple[list[list[WordHit]], set[str]]:
        """Find what the texts mean by words, a list for each, and say which photos are to be left out wherever they are found."""
        with QUERY_STAGE_SECONDS.labels("words").time():
            leave_out = set(known)
            for term in query.terms:
                if term.text is not None and term.weight < 0:
                    leave_out |= self._catalog.words.photos_with(term.text, query.filter, visibility)
            found = [self._catalog.words.search(text, query.filter, visibility) for text in texts]
        return [[hit for hit in hits if hit.photo_id not in leave_out] for hits in found], leave_out

    def _ranked(
        self,
        query: Query,
        visibility: Visibility,
        index: VectorIndex | None,
        vector: FloatArray | None,
        words: tuple[list[list[WordHit]], set[str]],
        *,
        last: int,
    ) -> list[Fused]:
        """Rank the photos, those to ``last`` at least: with none found by words, nothing behind it changes what is before."""
        by_words, leave_out = words
        if index is None or vector is None:
            return fuse([], by_words, {})
        with QUERY_STAGE_SECONDS.labels("index").time():
            named = {hit.photo_id for hits in by_words for hit in hits}
            most = MAX_DEPTH if named else min(last, MAX_DEPTH)
            by_look = self._by_look(index, vector, query.filter, visibility, leave_out=leave_out, most=most)
            cosines = self._cosines(index, vector, named) | by_look
        smallest = -1.0 if query.min_score is None else query.min_score
        return fuse([photo_id for photo_id, cosine in by_look.items() if cosine >= smallest], by_words, cosines)

    def _by_look(
        self,
        index: VectorIndex,
        vector: FloatArray,
        photo_filter: Filter,
        visibility: Visibility,
        *,
        leave_out: set[str],
        most: int,
    ) -> dict[str, float]:
        """Map the nearest photos to their cosines, in the order in which they are shown, which does not depend on ``most``.

        What an approximate index finds depends a little on how much it is asked for. So the first are always those that it finds
        when asked for few, which takes half the time, and what it finds beyond follows them. (It is asked for more again where
        more than one in nine of the nearest are hidden, which it does not know.)
        """
        allowed = None
        if not (photo_filter.is_empty and visibility.is_everything):
            allowed = self._catalog.embeddings.ids_matching(index.space_id, photo_filter, visibility)
        first = min(_FIRST_DEPTH, MAX_DEPTH)
        best = self._nearest(index, vector, allowed, leave_out, depth=first, most=min(most, first))
        if most <= first or len(best) < first:
            return best
        best |= {
            photo_id: cosine
            for photo_id, cosine in self._nearest(index, vector, allowed, leave_out, depth=MAX_DEPTH, most=most).items()
            if photo_id not in best
        }
        return dict(islice(best.items(), most))

    def _nearest(
        self,
        index: VectorIndex,
        vector: FloatArray,
        allowed: IdArray | None,
        leave_out: set[str],
        *,
        depth: int,
        most: int,
    ) -> dict[str, float]:
        """Map the nearest photos, best first, to their cosines; deeper again where some of the nearest are not to be shown."""
        count = depth + depth // 8 + len(leave_out)
        while True:
            ids, cosines = index.search(vector, count, allowed)
            best = self._photos(ids, cosines, leave_out, most)
            if len(best) >= most or len(ids) < count:
                return best
            count *= 2

    def _photos(self, ids: IdArray, cosines: FloatArray, leave_out: set[str], most: int) -> dict[str, float]:
        """Map the photos of embeddings, which come best first, to cosines; no more are read from the catalog than it takes."""
        best: dict[str, float] = {}
        step = most + most // 8 + len(leave_out)
        end = 0
        while end < len(ids) and len(best) < most:
            begin, end = end, min(end + step, len(ids))
            while end < len(ids) and cosines[end] == cosines[end - 1]:  # the order of equal ones is that of the photos' ids
                end += 1
            photos = self._catalog.embeddings.photos_of(ids[begin:end])
            for embedding_id, cosine in zip(ids[begin:end].tolist(), cosines[begin:end].tolist(), strict=True):
                photo_id = photos.get(embedding_id)
                if photo_id is not None and photo_id not in leave_out:
                    best.setdefault(photo_id, cosine)  # the best of several frames comes first
        return dict(sorted(best.items(), key=lambda item: (-item[1], item[0]))[:most])

    def _cosines(self, index: VectorIndex, vector: FloatArray, photo_ids: set[str]) -> dict[str, float]:
        if not photo_ids:
            return {}
        photos = self._catalog.embeddings.ids_of(index.space_id, sorted(photo_ids))
        ids, cosines = index.search(vector, len(photos), np.array(sorted(photos), dtype=np.int64))
        best: dict[str, float] = {}
        for embedding_id, cosine in zip(ids.tolist(), cosines.tolist(), strict=True):
            best.setdefault(photos[embedding_id], cosine)
        return best

    def _frames(self, index: VectorIndex | None, vector: FloatArray | None, page: Sequence[Fused]) -> dict[str, int]:
        """Tell of the videos on a page the times of the frames that come nearest, in milliseconds."""
        videos = self._catalog.embeddings.videos([one.photo_id for one in page if one.cosine is not None])
        if index is None or vector is None or not videos:
            return {}
        photos = self._catalog.embeddings.ids_of(index.space_id, sorted(videos))
        ids, _ = index.search(vector, len(photos), np.array(sorted(photos), dtype=np.int64))
        nearest: dict[str, int] = {}
        for embedding_id in ids.tolist():
            nearest.setdefault(photos[embedding_id], embedding_id)
        times = self._catalog.embeddings.frames_of(list(nearest.values()))
        return {photo_id: times[embedding_id] for photo_id, embedding_id in nearest.items() if embedding_id in times}

    def _hits(self, page: Sequence[Fused], visibility: Visibility, frames: dict[str, int]) -> tuple[Hit, ...]:
        with QUERY_STAGE_SECONDS.labels("hydrate").time():
            found = self._catalog.photos.get_many([one.photo_id for one in page], visibility)
        photos = {photo.photo_id: photo for photo in found}
        return tuple(
            Hit(photos[one.photo_id], one.score, one.cosine, one.matches, frames.get(one.photo_id))
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
