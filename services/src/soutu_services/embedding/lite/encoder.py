"""The lite model: ConSE (Norouzi et al. 2013, arXiv:1312.5650) with a visual part beside it.

An embedding has two parts. The concept part of a photo is the convex combination of the concepts of its likely classes, minus the
mean concept; that of a text is its sentence embedding, minus the mean of everyday queries. The visual part holds what the
classifier saw, for finding photos by a photo; texts are zero on it, so it does not touch the order of what a text finds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.encoder import FloatArray, ItemProblem, ItemRefused, ModelCard, Tower
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.embedding.lite.classifier import PREPROCESSING, Classifier, Pixels, square_pixels
from soutu_services.embedding.lite.concepts import Concepts
from soutu_services.embedding.lite.sentence_encoder import SENTENCE_DIMENSION, SentenceEncoder
from soutu_services.embedding.lite.shapes import INPUT_SIDE, VISUAL_DIMENSION
from soutu_services.embedding.space import space_digest

__all__ = ["CONCEPT_PART", "DIMENSION", "TEXT_CHARACTERS", "VISUAL_PART", "LiteEncoder"]

DIMENSION = SENTENCE_DIMENSION + VISUAL_DIMENSION

CONCEPT_PART = slice(0, SENTENCE_DIMENSION)
"""Where the concept part lies in an embedding."""

VISUAL_PART = slice(SENTENCE_DIMENSION, DIMENSION)
"""Where the visual part lies in an embedding."""

TEXT_CHARACTERS = 1000
"""The tokenizer is written in Python: this many take about 0.1 s."""

_TEMPERATURE = 2.0
"""Softens the classifier, whose tenth guess still tells of the scene; chosen on development photos, 1.5 to 3 differ little."""

_VISUAL_SHARE = 0.75
"""Share of the visual part in the cosine of two photos: enough for a copy to find its original among photos of the same."""


class LiteEncoder:
    """An ``Encoder`` that works on any machine from the first minute. Honest about being the small model."""

    def __init__(self, *, classifier: Classifier, sentences: SentenceEncoder, concepts: Concepts, limits: ImageLimits) -> None:
        self._classifier = classifier
        self._sentences = sentences
        self._concepts = concepts
        self._limits = limits
        self._card = ModelCard(
            name="lite",
            space_id=_space_id(classifier, sentences, concepts),
            variant="onnx",
            dimension=DIMENSION,
            towers=frozenset({Tower.TEXT, Tower.IMAGE}),
            input_size=INPUT_SIDE,
            text_characters=TEXT_CHARACTERS,
        )

    @classmethod
    def load(cls, *, limits: ImageLimits, threads: int = 0) -> LiteEncoder:
        """Load the model from the package.

        Args:
            limits: Largest image to take.
            threads: Pictures that the image tower works on at a time, each on a CPU thread of its own; 0: as many as cores.
        """
        return cls(
            classifier=Classifier(threads=threads),
            sentences=SentenceEncoder(),
            concepts=Concepts.load(),
            limits=limits,
        )

    @property
    def card(self) -> ModelCard:
        """Describe the model."""
        return self._card

    def prepare_text(self, text: str) -> str:
        """Trim a text.

        Raises:
            ItemRefused: EMPTY, or TOO_LARGE beyond ``TEXT_CHARACTERS``.
        """
        trimmed = text.strip()
        if not trimmed:
            raise ItemRefused(ItemProblem.EMPTY, zh="文字是空的。", en="The text is empty.")
        if len(trimmed) > TEXT_CHARACTERS:
            raise ItemRefused(
                ItemProblem.TOO_LARGE,
                zh=f"文字有 {len(trimmed)} 个字，超过上限 {TEXT_CHARACTERS}。",
                en=f"The text has {len(trimmed)} characters; the limit is {TEXT_CHARACTERS}.",
            )
        return trimmed

    def prepare_image(self, data: bytes) -> Pixels:
        """Decode an encoded image into the classifier's square: uint8, shape (224, 224, 3).

        Raises:
            ItemRefused: as ``decode_rgb``.
        """
        return square_pixels(decode_rgb(data, self._limits, shorter_side=INPUT_SIDE))

    def encode_texts(self, prepared: Sequence[str]) -> FloatArray:
        """Embed prepared texts: float32, shape (n, 768), rows L2-normalised and zero on the visual part."""
        embeddings = np.zeros((len(prepared), DIMENSION), dtype=np.float32)
        if prepared:
            embeddings[:, CONCEPT_PART] = _unit(self._sentences.encode(prepared) - self._concepts.query_centre)
        return embeddings

    def encode_images(self, prepared: Sequence[Pixels]) -> FloatArray:
        """Embed prepared images: float32, shape (n, 768), rows L2-normalised."""
        logits, visual = self._classifier.run(prepared)
        concept = _softmax(logits / _TEMPERATURE) @ self._concepts.classes - self._concepts.photo_centre
        embeddings = np.empty((len(prepared), DIMENSION), dtype=np.float32)
        embeddings[:, CONCEPT_PART] = np.sqrt(1 - _VISUAL_SHARE) * _unit(concept)
        embeddings[:, VISUAL_PART] = np.sqrt(_VISUAL_SHARE) * _unit(visual)
        return embeddings

    def close(self) -> None:
        """End the image tower's threads."""
        self._classifier.close()


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _unit(rows: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _space_id(classifier: Classifier, sentences: SentenceEncoder, concepts: Concepts) -> str:
    """Digest both towers' published tensors and everything that was chosen for this space."""
    tensors: dict[str, npt.NDArray[np.generic]] = {
        "image.source": np.frombuffer(classifier.source_digest.encode(), dtype=np.uint8),
        "concepts.classes": concepts.classes,
        "concepts.photo_centre": concepts.photo_centre,
        "recipe": np.array([_TEMPERATURE, _VISUAL_SHARE], dtype=np.float64),
    }
    tensors.update({f"text.{name}": tensor for name, tensor in sentences.source_tensors().items()})
    centre = np.pad(concepts.query_centre, (0, VISUAL_DIMENSION))
    return space_digest(tensors, preprocessing=PREPROCESSING, query_centre=centre)
