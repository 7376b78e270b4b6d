"""Vectors like those of a family's photos, and of what people type, as many as are asked for and the same each time.

A photo is a topic (there are few, of unequal size), an event of that topic (a day, a series), and what is its own, in directions
of unequal spread, off the origin. A text says a part of a photo, in some of the directions, and adds much of its own; its mean
lies elsewhere: the gap between texts and photos that models of both have. The numbers below were fitted to ``lite``'s embeddings
of 866 photographs and of captions that people wrote for them in Chinese (Flickr8k-CN); ``REAL`` says what those look like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "DIMENSION", "PERCENTILES", "REAL", "World", "describe"]

FloatArray = npt.NDArray[np.float32]

BLOCK = 8192
"""Photos that are made at a time."""
DIMENSION = 512

_SEED = 20261129
_TOPICS, _TOPIC_POWER = 15, 0.716
_EVENTS_IN_BLOCK, _EVENT_SIZES = 1024, 1.2
_TOPIC_SHARE, _EVENT_SHARE = 0.433, 0.197
_SPREAD_POWER, _TEXT_SPREAD_POWER, _FIRST_DIRECTION = 0.31, 0.565, 1.736
_PHOTO_MEAN, _TEXT_MEAN, _MEANS_COSINE = 0.26, 0.371, 0.2
_SAID, _SAID_DIRECTIONS = 0.522, 0.211

PERCENTILES = (5, 25, 50, 75, 95)
REAL: Mapping[str, Sequence[float]] = {
    "two photos": (-0.093, 0.011, 0.116, 0.244, 0.428),
    "a photo and its nearest": (0.490, 0.581, 0.645, 0.702, 0.780),
    "two texts": (-0.039, 0.044, 0.124, 0.245, 0.473),
    "a text and a photo": (-0.099, -0.029, 0.011, 0.066, 0.245),
    "a text and its photo": (-0.005, 0.072, 0.160, 0.256, 0.324),
    "a text and the nearest photo": (0.126, 0.186, 0.243, 0.298, 0.355),
    "a text and the tenth photo": (0.085, 0.135, 0.191, 0.263, 0.330),
}
"""Cosines of ``lite`` at those percentiles, among 866 photos and 2,000 texts."""


class World:
    """Makes photos and texts; what it makes depends on nothing but its arguments."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        chance = np.random.default_rng(_SEED)
        self.dimension = dimension
        self._spread = _spread(dimension, _SPREAD_POWER)
        self._text_spread = _spread(dimension, _TEXT_SPREAD_POWER)
        self._turn: FloatArray = np.linalg.qr(chance.standard_normal((dimension, dimension)))[0].astype(np.float32)
        self._topics = chance.standard_normal((_TOPICS, dimension), dtype=np.float32)
        sizes = np.arange(1, _TOPICS + 1) ** -_TOPIC_POWER
        self._topic_sizes = sizes / sizes.sum()
        first, second = _unit(chance.standard_normal((2, dimension), dtype=np.float32))
        self._photo_mean = _PHOTO_MEAN * first
        self._text_mean = _TEXT_MEAN * (_MEANS_COSINE * first + np.sqrt(1 - _MEANS_COSINE**2, dtype=np.float32) * second)
        self._is_said = (chance.random(dimension) < _SAID_DIRECTIONS).astype(np.float32)

    def blocks(self, count: int, *, first_block: int = 0) -> Iterator[FloatArray]:
        """Make photos: float32, shape (``BLOCK`` or fewer, dimension), rows of length 1 after rounding to float16, as stored."""
        for start in range(0, count, BLOCK):
            photos = self._photos(self._latent(first_block + start // BLOCK))[: count - start]
            yield _unit(photos.astype(np.float16).astype(np.float32))

    def texts(self, count: int, photos: int) -> FloatArray:
        """Make texts about some of the first so many photos: float32, shape (count, dimension), rows of length 1."""
        chance = np.random.default_rng((_SEED, 1))
        blocks = chance.integers(0, max(1, photos // BLOCK), 8)
        latent = np.concatenate([self._latent(int(block))[: min(BLOCK, photos)] for block in blocks])
        return self.texts_about(latent[chance.permutation(len(latent))[:count]])

    def texts_about(self, latent: FloatArray) -> FloatArray:
        """Make a text about each of some photos."""
        own = np.random.default_rng((_SEED, 2)).standard_normal(latent.shape, dtype=np.float32)
        said = _SAID * self._is_said * self._spread * latent
        return _unit(self._text_mean + said + np.sqrt(1 - _SAID**2, dtype=np.float32) * self._text_spread * own) @ self._turn

    def sample(self, photos: int, texts: int) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Make photos that are mostly of different events, texts, and which photo each text is about."""
        latent = self._latent(0)[np.random.default_rng(3).permutation(BLOCK)[:photos]]
        about = np.arange(texts) % photos
        return self._photos(latent), self.texts_about(latent[about]), about

    def _latent(self, block: int) -> FloatArray:
        chance = np.random.default_rng((_SEED, 3, block))
        topics = chance.choice(_TOPICS, _EVENTS_IN_BLOCK, p=self._topic_sizes)
        events = chance.standard_normal((_EVENTS_IN_BLOCK, self.dimension), dtype=np.float32)
        sizes = chance.lognormal(0, _EVENT_SIZES, _EVENTS_IN_BLOCK)
        of = chance.choice(_EVENTS_IN_BLOCK, BLOCK, p=sizes / sizes.sum())
        own = chance.standard_normal((BLOCK, self.dimension), dtype=np.float32)
        own *= np.float32(np.sqrt(1 - _TOPIC_SHARE - _EVENT_SHARE))
        shared = np.float32(np.sqrt(_TOPIC_SHARE)) * self._topics[topics] + np.float32(np.sqrt(_EVENT_SHARE)) * events
        latent: FloatArray = own + shared[of]
        return latent

    def _photos(self, latent: FloatArray) -> FloatArray:
        return _unit(self._photo_mean + self._spread * latent) @ self._turn


def describe(photos: FloatArray, texts: FloatArray, about: npt.NDArray[np.int64]) -> dict[str, tuple[float, ...]]:
    """Say what vectors look like, as ``REAL`` does."""
    near = photos @ photos.T
    pairs = near[np.triu_indices(len(photos), 1)]
    np.fill_diagonal(near, -2)
    across = texts @ photos.T
    best = -np.sort(-across, axis=1)
    cosines = {
        "two photos": pairs,
        "a photo and its nearest": near.max(axis=1),
        "two texts": (texts @ texts.T)[np.triu_indices(len(texts), 1)],
        "a text and a photo": across,
        "a text and its photo": across[np.arange(len(texts)), about],
        "a text and the nearest photo": best[:, 0],
        "a text and the tenth photo": best[:, 9],
    }
    return {name: tuple(round(float(one), 3) for one in np.percentile(some, PERCENTILES)) for name, some in cosines.items()}


def _spread(dimension: int, power: float) -> FloatArray:
    spread = (np.arange(dimension) + _FIRST_DIRECTION) ** -power
    return np.asarray(spread / np.linalg.norm(spread), dtype=np.float32)


def _unit(rows: FloatArray) -> FloatArray:
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
