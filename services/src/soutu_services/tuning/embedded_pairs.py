"""A data set once a model has seen it: vectors, and which text fits which picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from soutu_services.embedding.encoder import Encoder, ItemRefused, Tower
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput
from soutu_services.tuning.batches import batches
from soutu_services.tuning.dataset import Dataset, TextRow
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.retrieval import FloatArray, IntArray

__all__ = ["EmbeddedPairs", "embed_pairs", "prepared_or_none", "rows_with_picture"]

_BATCH = 32
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class EmbeddedPairs:
    """Vectors of a split.

    Attributes:
        image_ids: Shape (images,).
        images: Vectors, shape (images, d).
        text_ids: Shape (texts,).
        texts: The texts themselves.
        text_vectors: Shape (texts, d).
        pairs: Places of a text and of a picture that fit, in the order of the texts, each once; shape (pairs, 2).
    """

    image_ids: IntArray
    images: FloatArray
    text_ids: IntArray
    texts: tuple[str, ...]
    text_vectors: FloatArray
    pairs: IntArray

    def images_of_texts(self) -> list[IntArray]:
        """Return, for each text, the places of its pictures."""
        return _grouped(self.pairs[:, 0], self.pairs[:, 1], len(self.texts))

    def texts_of_images(self) -> list[IntArray]:
        """Return, for each picture, the places of its texts; none for a picture that nobody looks for."""
        return _grouped(self.pairs[:, 1], self.pairs[:, 0], len(self.image_ids))


def embed_pairs(
    dataset: Dataset, encoder: Encoder, flaws: Flaws, *, threads: int, on_progress: Callable[[int, int], None] = lambda *_: None
) -> EmbeddedPairs:
    """Embed a split. Pictures are read, prepared in threads and embedded in a stream; vectors alone stay.

    Args:
        dataset: The split.
        encoder: A model with both towers.
        flaws: Takes what is wrong with single items.
        threads: That prepare pictures.
        on_progress: Told how many pictures and texts are done.

    Raises:
        FailedPrecondition: the model lacks a tower.
        InvalidInput: nothing is left.
    """
    if encoder.card.towers != frozenset(Tower):
        raise FailedPrecondition(
            "TOWER_NOT_LOADED",
            zh=f"模型 {encoder.card.name} 只有一半（文字或图片），这里两半都要用",
            en=f"the model {encoder.card.name} has one tower only; both are needed here",
        )
    image_ids: list[int] = []
    images: list[FloatArray] = []
    contents: set[bytes] = set()
    with ThreadPoolExecutor(threads) as pool:
        for some in batches(dataset.pictures(flaws), _BATCH):
            outcomes = list(pool.map(lambda one: prepared_or_none(encoder.prepare_image, one[1]), some))
            good = [(image_id, ready) for (image_id, _), ready in zip(some, outcomes, strict=True) if ready is not None]
            for (image_id, data), ready in zip(some, outcomes, strict=True):
                digest = hashlib.sha256(data).digest()[:_DIGEST_BYTES]
                if ready is None:
                    flaws.note(Flaw.BROKEN_PICTURE, dataset.picture_name(image_id))
                elif digest in contents:
                    flaws.note(Flaw.SAME_PICTURE, dataset.picture_name(image_id))
                contents.add(digest)
            if good:
                image_ids += [image_id for image_id, _ in good]
                images.append(encoder.encode_images([ready for _, ready in good]))
            on_progress(len(image_ids), 0)
    places = {image_id: place for place, image_id in enumerate(image_ids)}
    kept: list[TextRow] = []
    vectors: list[FloatArray] = []
    for rows in batches(rows_with_picture(dataset.texts(flaws), places, flaws), _BATCH):
        prepared = [(row, prepared_or_none(encoder.prepare_text, row.text)) for row in rows]
        for row, ready in prepared:
            if ready is None:
                flaws.note(Flaw.REFUSED_TEXT, f"text {row.text_id}")
        if any(ready is not None for _, ready in prepared):
            kept += [row for row, ready in prepared if ready is not None]
            vectors.append(encoder.encode_texts([ready for _, ready in prepared if ready is not None]))
        on_progress(len(image_ids), len(kept))
    if not kept:
        raise InvalidInput(
            "EMPTY_SPLIT",
            zh=f"数据集的“{dataset.split}”部分是空的：没有一对能用的图片和文字",
            en=f"the split {dataset.split!r} is empty: it has no picture with a text that can be used",
        )
    pairs = [(place, places[one]) for place, row in enumerate(kept) for one in row.image_ids if one in places]
    embedded = EmbeddedPairs(
        np.array(image_ids, np.int64),
        np.concatenate(images),
        np.array([row.text_id for row in kept], np.int64),
        tuple(row.text for row in kept),
        np.concatenate(vectors),
        np.array(pairs, np.int64),
    )
    for place in np.setdiff1d(np.arange(len(image_ids)), embedded.pairs[:, 1]):
        flaws.note(Flaw.PICTURE_WITHOUT_TEXT, dataset.picture_name(image_ids[place]))
    return embedded


def rows_with_picture(rows: Iterable[TextRow], places: Container[int], flaws: Flaws) -> Iterator[TextRow]:
    """Leave out the texts none of whose pictures is there, and note what is missing."""
    for row in rows:
        missing = [one for one in row.image_ids if one not in places]
        if missing and len(missing) < len(row.image_ids):
            flaws.note(Flaw.MISSING_PICTURE, f"text {row.text_id}: {missing[0]}", count=len(missing))
        if len(missing) == len(row.image_ids):
            flaws.note(Flaw.TEXT_WITHOUT_PICTURE, f"text {row.text_id}")
        else:
            yield row


def prepared_or_none(prepare: Callable[[Any], Any], item: object) -> Any:
    """Prepare an item for a tower; None: it is refused."""
    try:
        return prepare(item)
    except ItemRefused:
        return None


def _grouped(keys: IntArray, values: IntArray, count: int) -> list[IntArray]:
    order = np.argsort(keys, kind="stable")
    return np.split(values[order], np.searchsorted(keys[order], np.arange(1, count)))
