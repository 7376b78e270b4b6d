"""What every model implementation offers to the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soutu_services.runtime.language import Text

__all__ = ["Encoder", "FloatArray", "ItemProblem", "ItemRefused", "ModelCard", "Tower"]

FloatArray = npt.NDArray[np.float32]


class Tower(Enum):
    """One half of a model."""

    TEXT = auto()
    IMAGE = auto()


class ItemProblem(Enum):
    """Why one item of a batch has no embedding."""

    EMPTY = auto()
    NOT_AN_IMAGE = auto()
    BROKEN_IMAGE = auto()
    TOO_MANY_PIXELS = auto()
    TOO_LARGE = auto()
    MODEL_FAILED = auto()


class ItemRefused(Exception):  # noqa: N818 - it is an answer about one item, not a failure of the service
    """One item cannot be embedded; its neighbours can."""

    def __init__(self, problem: ItemProblem, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.problem = problem
        self.text = Text(zh=zh, en=en)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a caller needs to know of a model.

    Attributes:
        name: Human-readable, for instance ``ViT-B-16`` or ``lite``.
        space_id: Which embeddings may be compared; see ``space.py``.
        variant: How it is run, for instance ``torch-fp32`` or ``onnx-int8``.
        dimension: Length of an embedding.
        towers: Towers that are loaded.
        input_size: Side of the square that the image tower sees, in pixels.
        text_characters: Longest text it takes, in characters; what its tokenizer drops below that is the model's own limit.
        drift: Largest cosine distance to the space's reference variant, measured when the variant was made; 0 for the reference.
    """

    name: str
    space_id: str
    variant: str
    dimension: int
    towers: frozenset[Tower]
    input_size: int
    text_characters: int
    drift: float = 0.0


class Encoder(Protocol):
    """A model. ``prepare_*`` is called from several threads at once; ``encode_*`` from one thread at a time."""

    @property
    def card(self) -> ModelCard:
        """Describe the model."""
        ...

    def prepare_text(self, text: str) -> Any:
        """Turn one text into the text tower's input, for instance token ids.

        Raises:
            ItemRefused: the text cannot be embedded.
        """
        ...

    def prepare_image(self, data: bytes) -> Any:
        """Decode and preprocess one encoded image into the image tower's input.

        Raises:
            ItemRefused: the bytes cannot be read as a picture.
        """
        ...

    def encode_texts(self, prepared: Sequence[Any]) -> FloatArray:
        """Embed prepared texts: float32, shape (len(prepared), dimension), rows L2-normalised."""
        ...

    def encode_images(self, prepared: Sequence[Any]) -> FloatArray:
        """Embed prepared images: float32, shape (len(prepared), dimension), rows L2-normalised."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
