"""Vectors as the catalog stores them: float16, little-endian; read back as normalised float32."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.model import FloatArray

__all__ = ["decode_vectors", "encode_vector", "insert_vector", "sound_vectors", "space_row"]


def encode_vector(vector: FloatArray) -> bytes:
    """Write a vector, normalised.

    Raises:
        ValueError: it is not finite or has no length.
    """
    wide = np.asarray(vector, dtype=np.float64).reshape(-1)
    length = float(np.linalg.norm(wide))
    if not np.isfinite(length) or length == 0.0:
        raise ValueError("an embedding must be finite and not zero")
    return (wide / length).astype("<f2").tobytes()


def decode_vectors(blobs: Sequence[bytes], dimension: int) -> FloatArray:
    """Read vectors: float32, shape (len(blobs), dimension), rows L2-normalised."""
    vectors = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(len(blobs), dimension).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def sound_vectors(blobs: Sequence[bytes], dimension: int) -> npt.NDArray[np.int64]:
    """List the positions of those that can be vectors, finite and not zero; all have the right length."""
    values = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(len(blobs), dimension).astype(np.float32)
    return np.flatnonzero(np.isfinite(values).all(axis=1) & values.any(axis=1))


def space_row(connection: sqlite3.Connection, space_id: str) -> sqlite3.Row:
    """Find the row of a space.

    Raises:
        FailedPrecondition: it is not registered.
    """
    row: sqlite3.Row | None = connection.execute("SELECT * FROM spaces WHERE space_id = ?", (space_id,)).fetchone()
    if row is None:
        raise FailedPrecondition(
            "SPACE_UNKNOWN",
            zh="图库里没有这个模型的向量空间，请检查向量服务使用的模型",
            en="the library has no such embedding space; check which model the embedding service runs",
        )
    return row


def insert_vector(writer: sqlite3.Connection, photo: int, space: sqlite3.Row, vector: FloatArray, *, frame_ms: int = 0) -> int:
    """Store a photo's vector of a space unless there is one.

    Returns:
        Its id.

    Raises:
        FailedPrecondition: it has not the space's dimension.
        ValueError: it is not finite or has no length.
    """
    if np.asarray(vector).size != space["dimension"]:
        raise FailedPrecondition(
            "DIMENSION_DIFFERS",
            zh="向量长度与所属空间不符，请检查向量服务使用的模型",
            en="an embedding has not the length of its space; check which model the embedding service runs",
        )
    cursor = writer.execute(
        "INSERT INTO embeddings (photo, space, frame_ms, vector) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (photo, space["id"], frame_ms, encode_vector(vector)),
    )
    if cursor.rowcount:
        assert cursor.lastrowid is not None
        return cursor.lastrowid
    row = writer.execute(
        "SELECT id FROM embeddings WHERE photo = ? AND space = ? AND frame_ms = ?", (photo, space["id"], frame_ms)
    ).fetchone()
    return int(row[0])
