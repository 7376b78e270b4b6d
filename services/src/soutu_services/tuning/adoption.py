"""Taking what was trained over in a library: where vectors can be made of those that are there, no photo is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from soutu_services.embedding.adapter_folder import Adapter, AdapterManifest
from soutu_services.runtime.errors import FailedPrecondition, Unavailable
from soutu_services.tuning.library import SpaceState, VectorBatch
from soutu_services.tuning.retrieval import FloatArray
from soutu_services.tuning.trained_model import ModelManifest

__all__ = ["VectorLibrary", "adopt", "adopt_model"]

_POLL_SECONDS = 0.5


class VectorLibrary(Protocol):
    """What an adoption needs of a library."""

    def spaces(self) -> list[SpaceState]:
        """List the spaces."""
        ...

    def vectors(self, space_id: str) -> Iterator[VectorBatch]:
        """Yield the vectors of a space."""
        ...

    def put_vectors(self, space_id: str, batches: Iterator[VectorBatch]) -> int:
        """Take vectors in."""
        ...

    def prepare_space(self, space_id: str) -> str:
        """Make a space that is to be filled by ``put_vectors``; return the job, which rests."""
        ...

    def resume(self, job_id: str) -> None:
        """Go on with a job."""
        ...


def adopt(
    library: VectorLibrary,
    adapter: Adapter,
    *,
    anyway: bool = False,
    wait_seconds: float = 3600.0,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Fill an adapter's space with the base model's vectors, mapped, and let it serve once it is complete (blue/green).

    The old space serves until then and is kept: ``soutu reindex --back`` returns to it. Stopped, it is simply run again.

    Args:
        library: The library; its embedding service offers the adapter besides the base model.
        adapter: The adapter.
        anyway: Also if it found no more on held-out pairs than its base.
        wait_seconds: How long to wait for the switch.
        on_progress: Told how many vectors are in, and how many there are.

    Returns:
        Vectors that were mapped.

    Raises:
        FailedPrecondition: it got worse, or the library has no vectors of its base, or its model is not offered.
        Unavailable: the switch has not come in time; it will, by itself.
    """
    manifest = adapter.manifest
    return _adopt(library, manifest, adapter.image.apply, anyway=anyway, wait_seconds=wait_seconds, on_progress=on_progress)


def adopt_model(
    library: VectorLibrary,
    manifest: ModelManifest,
    *,
    anyway: bool = False,
    wait_seconds: float = 3600.0,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> int | None:
    """Take a fine-tuned model over. One whose image tower is its base's is filled with the base's vectors; else photos are read.

    Args:
        library: The library; its embedding service offers the model, besides its base while photos come in.
        manifest: The model.
        anyway: See ``adopt``.
        wait_seconds: See ``adopt``.
        on_progress: See ``adopt``.

    Returns:
        Vectors that were taken over; None: a re-index has begun, which switches by itself once it is complete.

    Raises:
        SoutuError: see ``adopt``.
    """
    if manifest.images_frozen:
        return _adopt(library, manifest, lambda rows: rows, anyway=anyway, wait_seconds=wait_seconds, on_progress=on_progress)
    if not anyway:
        _refuse_if_no_better(manifest)
    if _serves(library, manifest.space_id):
        return 0
    library.resume(library.prepare_space(manifest.space_id))
    return None


def _adopt(
    library: VectorLibrary,
    manifest: AdapterManifest | ModelManifest,
    mapping: Callable[[FloatArray], FloatArray],
    *,
    anyway: bool,
    wait_seconds: float,
    on_progress: Callable[[int, int], None],
) -> int:
    if not anyway:
        _refuse_if_no_better(manifest)
    spaces = {space.space_id: space for space in library.spaces()}
    if manifest.space_id in spaces and spaces[manifest.space_id].serving:
        return 0
    base = spaces.get(manifest.base_space_id)
    if base is None or not base.photos:
        raise FailedPrecondition(
            "NO_BASE_VECTORS",
            zh=f"图库里没有模型 {manifest.base} 的向量：{manifest.name} 是在它上面训练的，请先用它处理照片",
            en=f"the library has no vectors of {manifest.base}, which {manifest.name} was trained on: let it embed first",
        )
    job = library.prepare_space(manifest.space_id)
    stored = 0
    for batch in library.vectors(manifest.base_space_id):
        mapped = VectorBatch(batch.photo_ids, mapping(batch.vectors), batch.frames_ms)
        stored += library.put_vectors(manifest.space_id, iter([mapped]))
        on_progress(stored, base.photos)
    library.resume(job)
    give_up = time.monotonic() + wait_seconds
    while not _serves(library, manifest.space_id):
        if time.monotonic() > give_up:
            raise Unavailable(
                "SWITCH_LATE",
                zh="向量都已写入，但还没有换过去：完成后会自动切换，用 soutu jobs 查看",
                en="all vectors are in, but the switch has not come yet: it follows by itself; see soutu jobs",
            )
        time.sleep(_POLL_SECONDS)
    return stored


def _refuse_if_no_better(manifest: AdapterManifest | ModelManifest) -> None:
    if manifest.rise is None or manifest.rise <= 0:
        raise FailedPrecondition(
            "NOT_BETTER",
            zh=f"{manifest.name} 在留出的数据上没有比 {manifest.base} 找得更准，因此不换用；确实要换，加上 --anyway",
            en=f"{manifest.name} finds no more on held-out pairs than {manifest.base}, so it is not taken over "
            "(--anyway does it still)",
        )


def _serves(library: VectorLibrary, space_id: str) -> bool:
    return any(space.space_id == space_id and space.serving for space in library.spaces())
