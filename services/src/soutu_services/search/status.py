"""How the library is: what ``soutu status`` shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog, LibraryCounts
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.metrics import PENDING_PHOTOS
from soutu_services.search.model import Job
from soutu_services.search.visibility import Visibility

__all__ = ["EmbedderState", "LibraryState", "LibraryStatus", "SourceState"]

_NOTHING = Text(zh="", en="")


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source: objects present, when it was last listed to its end, and why it cannot be read now."""

    name: str
    bucket: str
    read_only: bool
    objects: int
    synced_at: datetime | None
    problem: Text


@dataclass(frozen=True, slots=True)
class EmbedderState:
    """The embedding service: whether it answers, what it runs, and why it cannot be used now."""

    available: bool
    address: str
    model: str
    variant: str
    problem: Text


@dataclass(frozen=True, slots=True)
class LibraryState:
    """How the library is. ``counts`` says what each number counts; ``index_kind`` is empty while there is no index."""

    counts: LibraryCounts
    sources: tuple[SourceState, ...]
    index_kind: str
    index_vectors: int
    embedder: EmbedderState
    jobs: tuple[Job, ...]
    version: str


class LibraryStatus:
    """Gathers how the library is.

    Args:
        catalog: The catalog.
        buckets: The sources.
        link: The embedding service.
        embedding_address: Where it is.
        index: Tells how the index searches, and how many vectors it holds.
        problems: Tells what keeps which source from being read.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        link: EmbeddingLink,
        *,
        embedding_address: str,
        index: Callable[[], tuple[str, int]],
        problems: Callable[[], Mapping[str, Text]],
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._link = link
        self._embedding_address = embedding_address
        self._index = index
        self._problems = problems

    def gather(self, visibility: Visibility) -> LibraryState:
        """Say how the library is now, as far as a caller may see.

        A confined caller is told what lies in the folders, and whether photos can be found by look: nothing of the sources, their
        problems, the jobs, the spaces, the index and where the services run.
        """
        if not visibility.is_everything:
            return LibraryState(
                counts=self._catalog.counts_within(visibility),
                sources=(),
                index_kind="",
                index_vectors=0,
                embedder=EmbedderState(
                    available=self._link.usable_model is not None, address="", model="", variant="", problem=_NOTHING
                ),
                jobs=(),
                version=_version(),
            )
        counts = self._catalog.counts()
        PENDING_PHOTOS.set(counts.pending + counts.unread_objects)
        synced = self._catalog.jobs.synced_times()
        problems = self._problems()
        model = self._link.last_model
        problem = self._link.problem
        kind, vectors = self._index()
        return LibraryState(
            counts=counts,
            sources=tuple(
                SourceState(
                    name=source.name,
                    bucket=source.store.bucket,
                    read_only=source.read_only,
                    objects=counts.objects_by_source.get(source.name, 0),
                    synced_at=synced.get(source.name),
                    problem=problems.get(source.name, _NOTHING),
                )
                for source in self._buckets.sources.values()
            ),
            index_kind=kind,
            index_vectors=vectors,
            embedder=EmbedderState(
                available=self._link.usable_model is not None,
                address=self._embedding_address,
                model=model.name if model else "",
                variant=model.variant if model else "",
                problem=problem,
            ),
            jobs=tuple(self._catalog.jobs.unfinished()),
            version=_version(),
        )


def _version() -> str:
    try:
        return version("soutu-services")
    except PackageNotFoundError:  # run from the source tree
        return "0"
