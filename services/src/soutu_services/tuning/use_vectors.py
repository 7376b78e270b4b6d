"""Pairs from use as a model sees them: the queries embedded, and the photos' vectors as the library has them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.encoder import Encoder, ItemRefused
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.tuning.batches import batches
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.library import SpaceState, VectorBatch
from soutu_services.tuning.retrieval import FloatArray, IntArray
from soutu_services.tuning.use_pairs import UsePair

__all__ = ["UseVectors", "embed_use", "same_photos"]

_BATCH = 32
_SAME_PHOTO = 0.92
"""Cosine from which two vectors are taken for one photo's, or for those of near-duplicates.

A library's vectors are made of thumbnails. With the model lite, those of 753 photos of Flickr8k-CN have a cosine of 0.93 at least
with the vector of the photo's own file (0.995 in the middle), and of 0.83 at most with any other's.
"""
_COSINES_AT_ONCE = 1 << 24


class _VectorLibrary(Protocol):
    def spaces(self) -> list[SpaceState]: ...

    def vectors(self, space_id: str) -> Iterator[VectorBatch]: ...


@dataclass(frozen=True, slots=True)
class UseVectors:
    """Vectors of pairs.

    Attributes:
        texts: The queries.
        text_vectors: Shape (queries, d).
        images: Of photos, or of frames of videos, shape (photos, d).
        pairs: Places of a query and of a photo, each once; shape (pairs, 2).
        weights: How much the query means the photo; negative: how much it does not; shape (pairs,).
    """

    texts: tuple[str, ...]
    text_vectors: FloatArray
    images: FloatArray
    pairs: IntArray
    weights: FloatArray

    @property
    def answered(self) -> IntArray:
        """Places of the queries that mean a photo, in their order."""
        return np.unique(self.pairs[self.weights > 0, 0])

    def of_queries(self, places: IntArray) -> UseVectors:
        """Return the part of some queries, by their places in order, with the photos that they tell of."""
        kept = np.isin(self.pairs[:, 0], places)
        queries, photos = self.pairs[kept].T
        shown = np.unique(photos)
        return UseVectors(
            tuple(self.texts[place] for place in places),
            self.text_vectors[places],
            self.images[shown],
            np.stack([np.searchsorted(places, queries), np.searchsorted(shown, photos)], axis=1),
            self.weights[kept],
        )

    def apart_from(self, images: FloatArray) -> UseVectors | None:
        """Return the part that tells nothing of some photos, given by their vectors; None: nothing is left."""
        kept = ~same_photos(self.images, images)[self.pairs[:, 1]]
        if not kept.any():
            return None
        return replace(self, pairs=self.pairs[kept], weights=self.weights[kept]).of_queries(np.unique(self.pairs[kept, 0]))

    def right_answers(self) -> list[IntArray]:
        """Return, for each query, the places of the photos that it means."""
        queries, photos = self.pairs[self.weights > 0].T
        order = np.argsort(queries, kind="stable")
        return np.split(photos[order], np.searchsorted(queries[order], np.arange(1, len(self.texts))))

    def scaled(self, strength: float) -> UseVectors | None:
        """Return them with other weights; None: nothing counts anything."""
        weights = np.float32(strength) * self.weights
        return replace(self, weights=weights) if weights.any() else None

    def digest(self) -> str:
        """Digest all that a training sees of it."""
        whole = hashlib.sha256(repr(self.texts).encode())
        for array in (self.text_vectors, self.images, self.pairs, self.weights):
            whole.update(np.ascontiguousarray(array).tobytes())
        return whole.hexdigest()[:16]


def same_photos(images: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which photos are among others, by their vectors, shapes (i, d) and (o, d)."""
    same = np.zeros(len(images), np.bool_)
    step = max(1, _COSINES_AT_ONCE // max(1, len(others)))
    for begin in range(0, len(images), step):
        same[begin : begin + step] = ((images[begin : begin + step] @ others.T) >= _SAME_PHOTO).any(axis=1)
    return same


def embed_use(
    pairs: Sequence[UsePair],
    encoder: Encoder,
    library: _VectorLibrary,
    flaws: Flaws,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> UseVectors | None:
    """Embed the queries with a model's text tower, as the embedding service does, and fetch the photos' vectors of its space.

    Of a video, a query is paired with the frame that is nearest to it: that one was found.

    Args:
        pairs: The pairs.
        encoder: A model with a text tower.
        library: The library that the photos are in.
        flaws: Takes photos that are not there any more, and texts that the model refuses.
        on_progress: Told how many of the library's vectors have gone by.

    Returns:
        None if nothing is left.

    Raises:
        FailedPrecondition: the library has no vectors of this model.
        SoutuError: the library fails.
    """
    space_id = encoder.card.space_id
    if not any(space.space_id == space_id and space.photos for space in library.spaces()):
        raise FailedPrecondition(
            "NO_BASE_VECTORS",
            zh=f"图库里没有模型 {encoder.card.name} 的向量，用不上使用记录：请给出图库正在用的模型（--model）",
            en=f"the library has no vectors of {encoder.card.name}, so the record of use says nothing for it: "
            "name the model that the library uses (--model)",
        )
    photos = _photo_vectors(library.vectors(space_id), {pair.photo_id for pair in pairs}, on_progress)
    for pair in pairs:
        if pair.photo_id not in photos:
            flaws.note(Flaw.USE_WITHOUT_PHOTO, pair.photo_id)
    there = [pair for pair in pairs if pair.photo_id in photos]
    texts = _text_vectors(list(dict.fromkeys(pair.query for pair in there)), encoder, flaws)
    there = [pair for pair in there if pair.query in texts]
    if not there:
        return None
    text_places = {text: place for place, text in enumerate(texts)}
    frames = [int(np.argmax(np.stack(photos[pair.photo_id]) @ texts[pair.query])) for pair in there]
    shown = list(dict.fromkeys((pair.photo_id, frame) for pair, frame in zip(there, frames, strict=True)))
    places = {one: place for place, one in enumerate(shown)}
    return UseVectors(
        tuple(texts),
        np.stack(list(texts.values())),
        np.stack([photos[photo_id][frame] for photo_id, frame in shown]),
        np.array(
            [(text_places[pair.query], places[pair.photo_id, frame]) for pair, frame in zip(there, frames, strict=True)], np.int64
        ),
        np.array([pair.weight if pair.is_wanted else -pair.weight for pair in there], np.float32),
    )


def _photo_vectors(
    parts: Iterable[VectorBatch], asked: set[str], on_progress: Callable[[int], None]
) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Return the vectors of photos: one of a picture, and of a video one for each of its frames."""
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    seen = 0
    for part in parts:
        for one, vector in zip(part.photo_ids, part.vectors, strict=True):
            if one in asked:
                found.setdefault(one, []).append(vector.copy())  # not the whole part with it
        seen += len(part.photo_ids)
        on_progress(seen)
    return found


def _text_vectors(texts: Sequence[str], encoder: Encoder, flaws: Flaws) -> dict[str, npt.NDArray[np.float32]]:
    found: dict[str, npt.NDArray[np.float32]] = {}
    for some in batches(texts, _BATCH):
        ready = {}
        for text in some:
            try:
                ready[text] = encoder.prepare_text(text)
            except ItemRefused:
                flaws.note(Flaw.REFUSED_TEXT, text)
        if ready:
            found |= dict(zip(ready, encoder.encode_texts(list(ready.values())), strict=True))
    return found
