"""The spaces that the library has embeddings in: taking another model over, going back, and forgetting one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from soutu_services.runtime.errors import FailedPrecondition, NotFound, Unavailable
from soutu_services.search.catalog import Catalog, Space
from soutu_services.search.embedding_errors import EmbedderAway
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.job_runner import JobRunner
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import Job, JobKind

__all__ = ["LibrarySpaces", "SpaceState"]


@dataclass(frozen=True, slots=True)
class SpaceState:
    """A space, whether a re-index fills it, and whether an embedding service that answers embeds pictures into it."""

    space: Space
    filling: bool
    available: bool


class LibrarySpaces:
    """Chooses which space serves. Thread safe.

    Args:
        catalog: The catalog.
        link: The embedding services.
        index: The index.
        jobs: Runs the re-index.
        on_switched: Called after another space serves.
    """

    def __init__(
        self, catalog: Catalog, link: EmbeddingLink, index: LibraryIndex, jobs: JobRunner, *, on_switched: Callable[[], None]
    ) -> None:
        self._catalog = catalog
        self._link = link
        self._index = index
        self._jobs = jobs
        self._on_switched = on_switched
        self._lock = threading.Lock()

    def start_reindex(self, space_id: str = "", *, paused: bool = False) -> Job:
        """Start to embed every photo into another space, or go on with it if it is paused.

        Args:
            space_id: The space; empty: what a re-index that is open fills, or else that of the first model that is offered and
                does not serve.
            paused: It rests from the first, for embeddings that are brought, until it is resumed.

        Raises:
            FailedPrecondition: the space serves already, nothing is known of it, or another one is being filled.
            Unavailable: no embedding service answers, and nothing is known of the space.
        """
        with self._lock:
            for job in self._catalog.jobs.unfinished(JobKind.REINDEX):
                if space_id in ("", job.space_id):
                    return self._jobs.start_single(JobKind.REINDEX, paused=paused)
                raise FailedPrecondition(
                    "REINDEX_UNDER_WAY",
                    zh="正在换用另一个模型，请等它完成，或先用 soutu jobs 取消",
                    en="another model is being taken over; wait for it, or cancel it first with soutu jobs",
                )
            space_id = self._to_fill(space_id)
            self._catalog.fillings.try_refused_again(space_id)
            return self._jobs.start_single(JobKind.REINDEX, space_id=space_id, paused=paused)

    def switch(self, space_id: str = "") -> SpaceState:
        """Answer queries from another space that the library has embeddings in; empty: from the one that served before.

        Raises:
            FailedPrecondition: no space served before, or the space is unknown, being filled, or not complete.
        """
        with self._lock:
            space = self._to_serve(space_id)
            if not space.serving:
                self._index.switch(space.space_id, lambda: self._catalog.embeddings.set_serving_space(space.space_id))
                self._on_switched()
            return next(state for state in self.states() if state.space.serving)

    def delete(self, space_id: str) -> int:
        """Remove a space with its embeddings, and return how many photos had one.

        Raises:
            NotFound: there is no such space.
            FailedPrecondition: it serves, or is being filled.
        """
        with self._lock:
            self._known(space_id)
            if space_id in self._being_filled():
                raise FailedPrecondition(
                    "SPACE_FILLS",
                    zh="正在换用这个模型，不能删除；请先用 soutu jobs 取消这项任务",
                    en="this space is being filled, so it stays; cancel that job first with soutu jobs",
                )
            return self._catalog.fillings.forget(space_id)

    def states(self) -> tuple[SpaceState, ...]:
        """List the library's spaces in the order they were registered, then what else the embedding service offers."""
        filled = self._being_filled()
        known = self._catalog.embeddings.spaces()
        offered = [
            Space(model.space_id, model.name, model.variant, model.dimension, serving=False)
            for model in self._link.offered
            if model.has_images and model.space_id not in {space.space_id for space in known}
        ]
        return tuple(
            SpaceState(space, space.space_id in filled, self._link.model(space.space_id) is not None)
            for space in (*known, *offered)
        )

    def _to_fill(self, space_id: str) -> str:
        known = {space.space_id: space for space in self._catalog.embeddings.spaces()}
        offered = [model for model in self._link.offered if model.has_images]
        if not space_id:
            others = [model.space_id for model in offered if model.space_id not in known or not known[model.space_id].serving]
            if not others:
                raise self._nothing_offered()
            space_id = others[0]
        if space_id in known and known[space_id].serving:
            raise FailedPrecondition(
                "SPACE_SERVES_ALREADY",
                zh="搜索已经在用这个模型，不需要换",
                en="queries are answered by this model already; there is nothing to do",
            )
        model = next((model for model in offered if model.space_id == space_id), None)
        if model is not None:
            self._catalog.embeddings.register_space(space_id, model=model.name, variant=model.variant, dimension=model.dimension)
        elif space_id not in known:
            raise self._nothing_offered()
        return space_id

    def _nothing_offered(self) -> FailedPrecondition | Unavailable:
        if not self._link.offered:
            error = EmbedderAway()
            return Unavailable(error.reason, zh=error.text.zh, en=error.text.en)
        return FailedPrecondition(
            "NO_OTHER_MODEL",
            zh="向量服务没有提供这样的新模型；请在 SOUTU_EMBEDDING_MODELS 里加上它（旧模型可以保留），重启向量服务后再试",
            en=(
                "the embedding service offers no such new model; add it to SOUTU_EMBEDDING_MODELS, where the old one may stay, "
                "restart that service and try again"
            ),
        )

    def _to_serve(self, space_id: str) -> Space:
        if not space_id:
            space = self._catalog.embeddings.space_before()
            if space is None:
                raise FailedPrecondition(
                    "NO_SPACE_BEFORE",
                    zh="没有可以换回的模型：以前没有换过，或旧的向量已经删除",
                    en="there is no model to go back to: none served before, or its vectors were removed",
                )
        else:
            space = self._known(space_id)
        if space.space_id in self._being_filled():
            raise FailedPrecondition(
                "SPACE_FILLS",
                zh="正在换用这个模型，完成后会自动切换",
                en="this space is being filled; the switch follows by itself when it is complete",
            )
        if space_id and not space.serving and self._catalog.fillings.progress(space_id).left_ready:
            raise FailedPrecondition(
                "SPACE_INCOMPLETE",
                zh="这个模型还没有处理完所有照片；请运行 soutu reindex，完成后会自动切换",
                en="this space lacks photos that are found now; run soutu reindex, which switches when it is complete",
            )
        return space

    def _known(self, space_id: str) -> Space:
        space = next((space for space in self._catalog.embeddings.spaces() if space.space_id == space_id), None)
        if space is None:
            raise NotFound(
                "SPACE_NOT_FOUND",
                zh="图库里没有这个向量空间，请用 soutu status 查看",
                en="the library has no such embedding space; see soutu status",
            )
        return space

    def _being_filled(self) -> set[str]:
        return {job.space_id for job in self._catalog.jobs.unfinished(JobKind.REINDEX)}
