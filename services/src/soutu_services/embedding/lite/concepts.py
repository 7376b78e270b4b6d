"""What the image classifier's classes mean, as points in the sentence encoder's space.

A class's concept lies between its name and the everyday phrases of its contexts, so that "狗" finds a 约克夏梗 and "打网球的人"
the photo in which the classifier sees a 球拍.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soutu_services.embedding.encoder import FloatArray
from soutu_services.embedding.lite.shapes import CLASSES

__all__ = ["Concepts", "Sentences", "class_contexts", "class_names", "compute_concepts", "everyday_sentences"]

_CONTEXT_WEIGHT = 0.7
"""How far a concept lies from the class's name towards its contexts; chosen on development photos; 0.3 to 1 differ little."""

_PACKAGE = "soutu_services.embedding.lite"


class Sentences(Protocol):
    """A sentence encoder."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embed texts, shape (len(texts), d)."""
        ...


@dataclass(frozen=True, slots=True)
class Concepts:
    """Constants of the space, all in the sentence encoder's dimension d.

    Attributes:
        classes: Concept of each class, float32 shape (1000, d), rows about L2-normalised.
        photo_centre: Mean of the concepts, shape (d,): where a photo lies of which the classifier says nothing.
        query_centre: Mean embedding of everyday queries, shape (d,).
    """

    classes: FloatArray
    photo_centre: FloatArray
    query_centre: FloatArray

    @classmethod
    def load(cls) -> Concepts:
        """Read the concepts that ship with the package."""
        resource = importlib.resources.files(_PACKAGE) / "concepts.npz"
        with importlib.resources.as_file(resource) as path, np.load(path, allow_pickle=False) as stored:
            return cls(
                classes=stored["classes"].astype(np.float32),
                photo_centre=stored["photo_centre"],
                query_centre=stored["query_centre"],
            )


def class_names() -> tuple[str, ...]:
    """Return the classes' usual Chinese names, in the classifier's order."""
    return tuple(_lines("classes.zh.txt"))


def everyday_sentences() -> tuple[str, ...]:
    """Return sentences of the kind that people look for photos with, written for this project."""
    return tuple(_lines("sentences.zh.txt"))


def class_contexts() -> tuple[tuple[str, ...], ...]:
    """Return each class's contexts: its kind, and scenes in which it is usually seen.

    Raises:
        ValueError: a line names a class that does not exist or has no phrase.
    """
    contexts: list[list[str]] = [[] for _ in range(CLASSES)]
    for line in _lines("contexts.zh.txt"):
        if line.startswith("#"):
            continue
        numbers, *phrases = line.split("\t")
        if not phrases or not all(phrases):
            raise ValueError(f"no phrase in {line!r}")
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            members = range(int(first), int(last or first) + 1)
            if not members or members[-1] >= CLASSES:
                raise ValueError(f"no such classes: {part}")
            for number in members:
                contexts[number] += phrases
    return tuple(tuple(phrases) for phrases in contexts)


def compute_concepts(encoder: Sentences) -> Concepts:
    """Compute from the text files what ``concepts.npz`` holds."""
    names = encoder.encode(class_names())
    contexts = class_contexts()
    phrases = sorted({phrase for own in contexts for phrase in own})
    number = {phrase: index for index, phrase in enumerate(phrases)}
    meanings = encoder.encode(phrases)
    context = np.stack([meanings[[number[phrase] for phrase in own]].mean(axis=0) for own in contexts])
    classes = _unit((1 - _CONTEXT_WEIGHT) * names + _CONTEXT_WEIGHT * _unit(context))
    classes = classes.astype(np.float16).astype(np.float32)  # as it is stored
    return Concepts(
        classes=classes,
        photo_centre=classes.mean(axis=0),
        query_centre=encoder.encode(everyday_sentences()).mean(axis=0),
    )


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _lines(name: str) -> list[str]:
    return (importlib.resources.files(_PACKAGE) / name).read_text(encoding="utf-8").splitlines()
