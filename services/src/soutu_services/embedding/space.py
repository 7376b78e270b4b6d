"""Identity of embedding spaces."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["space_digest"]


def space_digest(
    tensors: Mapping[str, npt.NDArray[np.generic]],
    *,
    preprocessing: str,
    query_centre: npt.NDArray[np.float32] | None = None,
    adapter: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> str:
    """Digest what decides whether two embeddings may be compared.

    Tensors are taken in the order of their names, each with its name, shape and type and its bytes in C order, little-endian, so
    that the same model saved by another tool or on another machine has the same space.

    Args:
        tensors: The model's source tensors by name, in the type they were published in.
        preprocessing: Name and version of the preprocessing, for instance ``cn_clip-resize-bicubic-1``.
        query_centre: What is subtracted from a text's embedding before it is normalised, shape (dimension,), if anything.
        adapter: Tensors of an adapter on top of the towers, if any.

    Returns:
        The first 32 hex digits of a SHA-256.
    """
    digest = hashlib.sha256()
    digest.update(f"preprocessing {preprocessing}\n".encode())
    parts: list[tuple[str, Mapping[str, npt.NDArray[np.generic]]]] = [("model", tensors)]
    if query_centre is not None:
        parts.append(("query", {"centre": query_centre}))
    if adapter:
        parts.append(("adapter", adapter))
    for part, members in parts:
        for name in sorted(members):
            array = np.ascontiguousarray(members[name])
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{part} {name} {little.dtype.str} {array.shape}\n".encode())
            digest.update(little.tobytes())
    return digest.hexdigest()[:32]
