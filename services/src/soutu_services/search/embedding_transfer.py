"""Embeddings out of the library and into it, for tuning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soutu_services.runtime.errors import FailedPrecondition, InvalidInput
from soutu_services.search.catalog import Catalog, EmbeddingBatch
from soutu_services.search.library_index import LibraryIndex

__all__ = ["MAX_BATCH", "EmbeddingTransfer", "ImportBatch", "Imported"]

MAX_BATCH = 1000
"""Embeddings of one message."""
_MOST_MILLISECONDS = 1 << 40


@dataclass(frozen=True, slots=True)
class ImportBatch:
    """Photo ids and, for each, the bytes of a vector: little-endian float32, and the time of a video's frame, else 0."""

    photo_ids: Sequence[str]
    vectors: Sequence[bytes]
    frames_ms: Sequence[int]


@dataclass(frozen=True, slots=True)
class Imported:
    """Embeddings that were stored, and those whose photo does not exist."""

    stored: int
    unknown: int


class EmbeddingTransfer:
    """Streams embeddings out and takes them in. Thread safe."""

    def __init__(self, catalog: Catalog, index: LibraryIndex) -> None:
        self._catalog = catalog
        self._index = index

    def export(self, space_id: str = "") -> tuple[str, Iterator[EmbeddingBatch]]:
        """Read the embeddings of shown photos, ordered by photo id; an empty space is the one that serves.

        Raises:
            FailedPrecondition: there is no such space.
        """
        space_id = space_id or self._serving()
        if space_id not in {space.space_id for space in self._catalog.embeddings.spaces()}:
            raise FailedPrecondition("SPACE_UNKNOWN", zh="图库里没有这个向量空间", en="the library has no such embedding space")
        return space_id, self._catalog.embeddings.iterate(space_id, batch_size=MAX_BATCH, shown_only=True)

    def take_in(self, space_id: str, batches: Iterator[ImportBatch]) -> Imported:
        """Store embeddings of a space that the library has, replacing those that differ; what serves is searched at once.

        Raises:
            InvalidInput: no space, too many in a batch, or vectors of another length than the space's, or none.
            FailedPrecondition: the library does not have the space.
        """
        if not space_id:
            raise InvalidInput("SPACE_MISSING", zh="第一条消息要写明向量空间", en="the first message names the embedding space")
        dimension = next((one.dimension for one in self._catalog.embeddings.spaces() if one.space_id == space_id), None)
        if dimension is None:
            raise FailedPrecondition(
                "SPACE_UNKNOWN",
                zh="这些向量属于图库没有的向量空间；请让向量服务提供那个模型，运行 soutu reindex 开始换用，再导入",
                en=(
                    "the library has no such embedding space: let the embedding service offer its model, begin to take it over "
                    "with soutu reindex, then import again"
                ),
            )
        stored = unknown = 0
        for batch in batches:
            if not batch.photo_ids:
                continue
            result = self._index.put(space_id, batch.photo_ids, self._vectors(batch, dimension), batch.frames_ms)
            stored += len(result.ids)
            unknown += len(result.unknown)
        return Imported(stored, unknown)

    def _serving(self) -> str:
        space = self._catalog.embeddings.serving_space()
        if space is None:
            raise FailedPrecondition(
                "NO_SPACE",
                zh="图库还没有向量，请先启动向量服务",
                en="the library has no embeddings yet; start the embedding service first",
            )
        return space.space_id

    @staticmethod
    def _vectors(batch: ImportBatch, dimension: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        if len(batch.photo_ids) > MAX_BATCH or len(set(zip(batch.photo_ids, batch.frames_ms, strict=True))) != len(
            batch.photo_ids
        ):
            raise InvalidInput(
                "BAD_BATCH",
                zh=f"一条消息最多 {MAX_BATCH} 个向量，照片不能重复",
                en=f"at most {MAX_BATCH} a message, each photo once",
            )
        if not all(0 <= frame_ms < _MOST_MILLISECONDS for frame_ms in batch.frames_ms):
            raise InvalidInput("BAD_FRAME_TIME", zh="视频里的时间不对", en="a time within a video cannot be right")
        if any(len(vector) != 4 * dimension for vector in batch.vectors):
            raise InvalidInput("BAD_VECTOR", zh="向量长度与所属空间不符", en="a vector has not the length of its space")
        vectors = np.frombuffer(b"".join(batch.vectors), dtype="<f4").reshape(len(batch.vectors), dimension).astype(np.float32)
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not np.isfinite(norms).all() or not (norms > 0).all():
            raise InvalidInput("BAD_VECTOR", zh="向量含有无效数值", en="a vector is not finite or has no length")
        return vectors
