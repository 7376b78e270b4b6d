"""What an embedding service offers, and what becomes of an item that it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from soutu_services.search.model import FloatArray, UnreadableReason

__all__ = ["Embedded", "EmbeddingModel", "Malformed", "NotEmbedded", "Outcome"]


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A space that a service embeds into, with what of its model it has loaded.

    Attributes:
        space_id: Which embeddings may be compared.
        variant: How it is run.
        name: For people.
        dimension: Length of an embedding.
        has_texts: Whether its text tower is served.
        has_images: Whether its image tower is served.
        batch_items: Most items of one request.
        text_characters: Longest text, in characters.
        image_bytes: Largest image, in bytes.
        message_bytes: Largest request, in bytes.
    """

    space_id: str
    variant: str
    name: str
    dimension: int
    has_texts: bool
    has_images: bool
    batch_items: int
    text_characters: int
    image_bytes: int
    message_bytes: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """An item's embedding: float32, shape (dimension,), L2-normalised, read-only; in the space ``space_id``, by ``variant``."""

    vector: FloatArray
    space_id: str
    variant: str


@dataclass(frozen=True, slots=True)
class NotEmbedded:
    """Why the model has no embedding for one item, and never will."""

    reason: UnreadableReason
    message: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came back for one item is no embedding: a failure of the service, which says nothing of the item."""

    message: str


Outcome = Embedded | NotEmbedded | Malformed
