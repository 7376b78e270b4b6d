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
from soutu_services.search.library_spaces import SpaceState
from soutu_services.search.model import Job
from soutu_services.search.store_questions import StoreQuestions
from soutu_services.search.visibility import Visibility

__all__ = ["EmbedderState", "LibraryState", "LibraryStatus", "SourceState"]

_NOTHING = Text(zh="", en="")
_EXAMPLES = 10
_ANSWER_SECONDS = 5.0
"""How long a person who looks for a fault waits for a store."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source: objects present, when it was last listed to its end, and why it cannot be read now.

    ``missing`` objects wait for a person's word that they are gone; ``missing_examples`` names some.
    """

    name: str
    bucket: str
    read_only: bool
    objects: int
    synced_at: datetime | None
    problem: Text
    missing: int = 0
    missing_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbedderState:
    """An embedding service.

    Attributes:
        available: Whether it answers, and has the space that serves.
        address: Where it is.
        model: Name of what it runs, or ran last.
        variant: How it is run.
        problem: Why it cannot be used now, or what is wrong with its answers.
        embeds_texts: Whether it embeds queries' words now.
        embeds_images: Whether it embeds pictures now.
        away_since: Since when it does not answer, UTC; None: it does.
        woken_at: When its machine was sent a wake-up packet last, UTC; None: never.
    """

    available: bool
    address: str = ""
    model: str = ""
    variant: str = ""
    problem: Text = _NOTHING
    embeds_texts: bool = False
    embeds_images: bool = False
    away_since: datetime | None = None
    woken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LibraryState:
    """How the library is. ``counts`` says what each number counts; ``index_kind`` is empty while there is no index.

    ``text_embedder`` is None if there is no second service. ``pending_seconds_left`` is how long what is pending will take at the
    rate of late; None if that is not known, or nothing is pending.
    """

    counts: LibraryCounts
    sources: tuple[SourceState, ...]
    spaces: tuple[SpaceState, ...]
    index_kind: str
    index_vectors: int
    embedder: EmbedderState
    text_embedder: EmbedderState | None
    pending_seconds_left: float | None
    jobs: tuple[Job, ...]
    version: str


class LibraryStatus:
    """Gathers how the library is.

    Args:
        catalog: The catalog.
        buckets: The sources.
        link: The embedding services.
        embedding_address: Where the main one is.
        text_embedding_address: Where the one for texts is; empty: there is none.
        woken_at: Tells when the machine of the main one was woken last.
        index: Tells how the index searches, and how many vectors it holds.
        problems: Tells what keeps which source from being read.
        spaces: Tells of the spaces.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        link: EmbeddingLink,
        *,
        embedding_address: str,
        text_embedding_address: str,
        woken_at: Callable[[], datetime | None],
        index: Callable[[], tuple[str, int]],
        problems: Callable[[], Mapping[str, Text]],
        spaces: Callable[[], tuple[SpaceState, ...]],
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._link = link
        self._embedding_address = embedding_address
        self._text_embedding_address = text_embedding_address
        self._woken_at = woken_at
        self._index = index
        self._problems = problems
        self._spaces = spaces
        self._questions = StoreQuestions(buckets.sources)

    def gather(self, visibility: Visibility, *, ask_stores: bool = False) -> LibraryState:
        """Say how the library is now, as far as a caller may see; the stores are asked first if that is wanted.

        A confined caller is told what lies in the folders, and whether photos can be found by look: nothing of the sources, their
        problems, the jobs, the spaces, the index and where the services run.
        """
        if not visibility.is_everything:
            return LibraryState(
                counts=self._catalog.counts_within(visibility),
                sources=(),
                spaces=(),
                index_kind="",
                index_vectors=0,
                embedder=EmbedderState(available=self._link.usable_model is not None),
                text_embedder=None,
                pending_seconds_left=None,
                jobs=(),
                version=_version(),
            )
        counts = self._catalog.counts()
        synced = self._catalog.jobs.synced_times()
        problems = {**self._problems(), **(self._questions.problems(seconds=_ANSWER_SECONDS) if ask_stores else {})}
        waiting = self._catalog.missing.waiting()
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
                    missing=waiting.get(source.name, 0),
                    missing_examples=self._catalog.missing.examples(source.name, _EXAMPLES) if source.name in waiting else (),
                )
                for source in self._buckets.sources.values()
            ),
            spaces=self._spaces(),
            index_kind=kind,
            index_vectors=vectors,
            embedder=self._embedder(),
            text_embedder=self._text_embedder() if self._link.has_text_service else None,
            pending_seconds_left=self._link.rate.seconds_for(counts.pending + counts.unread_objects),
            jobs=tuple(self._catalog.jobs.unfinished()),
            version=_version(),
        )

    def _embedder(self) -> EmbedderState:
        space = self._catalog.embeddings.serving_space()
        usable, last = self._link.usable_model, self._link.last_model
        return EmbedderState(
            available=usable is not None,
            address=self._embedding_address,
            model=last.name if last else "",
            variant=last.variant if last else "",
            problem=self._link.problem,
            embeds_texts=space is not None and self._link.embeds_texts(space.space_id),
            embeds_images=usable is not None,
            away_since=self._link.away_since,
            woken_at=self._woken_at(),
        )

    def _text_embedder(self) -> EmbedderState:
        space = self._catalog.embeddings.serving_space()
        usable = self._link.text_model(space.space_id) if space is not None else None
        last = self._link.text_last_model
        return EmbedderState(
            available=usable is not None,
            address=self._text_embedding_address,
            model=last.name if last else "",
            variant=last.variant if last else "",
            problem=self._link.text_problem,
            embeds_texts=usable is not None,
            away_since=self._link.text_away_since,
        )


def _version() -> str:
    try:
        return version("soutu-services")
    except PackageNotFoundError:  # run from the source tree
        return "0"
