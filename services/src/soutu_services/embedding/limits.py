"""Limits of a request to the embedding service."""

from __future__ import annotations

from dataclasses import dataclass

from soutu_services.embedding.image_input import ImageLimits

__all__ = ["RequestLimits"]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may ask for; what is over it is refused before work is done.

    Attributes:
        items: Most texts or images.
        image: Limits of each image.
        text_characters: Longest text.
        message_bytes: Largest gRPC message.
        bulk_calls: Most bulk calls at once, so that interactive ones find a worker.
    """

    items: int
    image: ImageLimits
    text_characters: int
    message_bytes: int
    bulk_calls: int
