"""An embedding service whose texts lie where people's do beside a generated library, at no cost of its own."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from bench.index.world import DIMENSION, World
from colour_encoder import ColourEncoder, ColourServer
from soutu_services.embedding.encoder import FloatArray

__all__ = ["world_server"]

_TEXTS = 512


def world_server() -> ColourServer:
    """Start one; pictures are what they are to the tests' small model."""
    return ColourServer(_WorldEncoder())


class _WorldEncoder(ColourEncoder):
    """Takes a text for one of the world's, by its checksum."""

    def __init__(self) -> None:
        super().__init__("world", dimension=DIMENSION)
        self._texts = World().texts(_TEXTS, photos=8192)

    def encode_texts(self, prepared: Sequence[str]) -> FloatArray:
        return np.stack([self._texts[zlib.crc32(text.encode()) % _TEXTS] for text in prepared])
