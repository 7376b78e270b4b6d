"""The search service's standing with its embedding services: who embeds what now, and whether it belongs to the library."""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime

from soutu_services.runtime.errors import DeadlinePassed, InvalidInput, SoutuError, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedder import Embedder
from soutu_services.search.embedder_watch import EmbedderWatch
from soutu_services.search.embedding_errors import (
    EmbedderAway,
    EmbedderFailed,
    EmbedderRefuses,
    EmbedderUntrusted,
    PicturesAway,
    SpaceChanged,
    TextEmbedderAway,
    TextSpaceDiffers,
    TowerNotLoaded,
    VectorsMalformed,
)
from soutu_services.search.embedding_model import Embedded, EmbeddingModel, Malformed, Outcome
from soutu_services.search.embedding_rate import EmbeddingRate
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.model import FloatArray
from soutu_services.search.recent import Recent
from soutu_services.search.space_register import SpaceRegister

__all__ = ["EmbeddingLink"]

_logger = logging.getLogger(__name__)

_CACHED_TEXTS = 1024
_FIRST_ANSWER_SECONDS = 5.0
_SLOW_SECONDS = 1.0
"""How long a query may take before it is asked whether anybody is there: a machine that lost its power refuses nothing."""
_NOTHING = Text(zh="", en="")


class EmbeddingLink:
    """Lends the embedding services out to the ingest and to queries, each space by itself.

    Pictures go to the main service. Texts go to the text service first, if there is one: it is always there, and asking it
    neither waits for a machine that sleeps nor keeps it awake; the main one takes its place while it is away. Nobody waits for
    a service that is known to be away.

    The first model of the main service gives an empty library its space.

    Args:
        catalog: The catalog, which knows the spaces.
        main: Embeds pictures and texts.
        text: Embeds queries' words alone; it has to serve the same space, whichever the variant. None: there is none.
        gate: Makes what a service is backed off from with.
        on_connected: Called, on a thread of the link, when a service answers after it did not, or offers something else.
        on_away: Called, on a thread of the link, each time that the main service was asked in vain.

    Attributes:
        rate: How fast the ingest's photos were embedded of late.
    """

    def __init__(
        self,
        catalog: Catalog,
        main: Embedder,
        text: Embedder | None = None,
        *,
        gate: Callable[[], Gate],
        on_connected: Callable[[], None],
        on_away: Callable[[], None] = lambda: None,
    ) -> None:
        self.rate = EmbeddingRate()
        self._catalog = catalog
        self._on_connected = on_connected
        self._bulk_problem = self._text_failure = _NOTHING
        self._cache: Recent[tuple[str, str], FloatArray] = Recent(_CACHED_TEXTS)
        register = SpaceRegister(catalog)
        self._main = EmbedderWatch(
            main, gate(), name="embedding service", accept=register.register, on_connected=self._connected, on_away=on_away
        )
        self._text: EmbedderWatch | None = None
        if text is not None:
            self._text = EmbedderWatch(
                text,
                gate(),
                name="text embedding service",
                accept=register.comparable,
                on_connected=self._text_connected,
                on_away=lambda: None,
            )

    def start(self) -> None:
        """Begin to watch the services."""
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        """Close the connections, and end the threads."""
        for watch in self._watches:
            watch.stop()

    @property
    def offered(self) -> tuple[EmbeddingModel, ...]:
        """The models of the main service, which embeds pictures, the default first, each space once; empty while it is away."""
        return self._main.offered

    def model(self, space_id: str) -> EmbeddingModel | None:
        """What embeds pictures into a space now; None while nothing does."""
        model = self._main.model(space_id)
        return model if model is not None and model.has_images else None

    @property
    def usable_model(self) -> EmbeddingModel | None:
        """What embeds pictures into the space that serves now; None while nothing does."""
        space = self._catalog.embeddings.serving_space()
        return self.model(space.space_id) if space is not None else None

    @property
    def last_model(self) -> EmbeddingModel | None:
        """What embeds pictures into the space that serves, or did last, or else the first model that is offered."""
        offered = self._main.last_offered
        space = self._catalog.embeddings.serving_space()
        serving = next((model for model in offered if space is not None and model.space_id == space.space_id), None)
        return serving or next(iter(offered), None)

    @property
    def problem(self) -> Text:
        """Why the main service cannot be used for the library, or what it answered last to the ingest; empty if it can."""
        problem = self._main.problem
        if problem.en:
            return problem
        space = self._catalog.embeddings.serving_space()
        if space is not None and self._main.offered and self._main.model(space.space_id) is None:
            return SpaceChanged().text
        return self._bulk_problem

    @property
    def away_since(self) -> datetime | None:
        """Since when the main service does not answer, UTC; None while it does."""
        return self._main.away_since

    def embeds_texts(self, space_id: str) -> bool:
        """Whether the main service embeds words into a space now."""
        model = self._main.model(space_id)
        return model is not None and model.has_texts

    @property
    def has_text_service(self) -> bool:
        """Whether there is a second service for texts."""
        return self._text is not None

    def text_model(self, space_id: str) -> EmbeddingModel | None:
        """What the text service embeds words into a space with now; None while it does not, or there is none."""
        model = self._text.model(space_id) if self._text is not None else None
        return model if model is not None and model.has_texts else None

    @property
    def text_last_model(self) -> EmbeddingModel | None:
        """The model of the text service, whether it still answers or not."""
        return next(iter(self._text.last_offered), None) if self._text is not None else None

    @property
    def text_away_since(self) -> datetime | None:
        """Since when the text service does not answer, UTC; None while it does, or there is none."""
        return self._text.away_since if self._text is not None else None

    @property
    def text_problem(self) -> Text:
        """Why the text service cannot be used for the library; empty if it can, or there is none."""
        if self._text is None:
            return _NOTHING
        if self._text.problem.en:
            return self._absent(self._text).text
        space = self._catalog.embeddings.serving_space()
        if space is None or not self._text.offered:
            return _NOTHING
        model = self._text.model(space.space_id)
        if model is None:
            return TextSpaceDiffers().text
        return self._text_failure if model.has_texts else TowerNotLoaded().text

    def embed_bulk(self, images: Sequence[bytes], *, space_id: str) -> list[Outcome]:
        """Embed thumbnails for the ingest: each with its own outcome, of which at least one is no ``Malformed``.

        Raises:
            SoutuError: it cannot now; try again later.
        """
        model = self._main.model(space_id)
        if model is None:
            raise self._absent(self._main)
        began = time.monotonic()
        try:
            outcomes = self._main.embedder.embed_images(images, model, interactive=False)
            if all(isinstance(outcome, Malformed) for outcome in outcomes):
                raise VectorsMalformed
        except SoutuError as error:
            self._note(self._main, error)
            self._bulk_problem = error.text
            raise
        self.rate.add(len(outcomes), began=began, ended=time.monotonic())
        is_whole = not any(isinstance(outcome, Malformed) for outcome in outcomes)
        self._bulk_problem = _NOTHING if is_whole else VectorsMalformed().text
        return outcomes

    def embed_text(self, text: str, *, space_id: str) -> FloatArray:
        """Embed a query's words into a space: float32, shape (dimension,). The last ones are remembered, however they are spaced.

        Raises:
            Unavailable: no service that has the space and its text tower answers now.
            Overloaded: it has too much to do.
            DeadlinePassed: it took too long.
            FailedPrecondition: those that answer have not loaded the text tower (``TOWER_NOT_LOADED``).
            InvalidInput: the words cannot be embedded.
        """
        text = unicodedata.normalize("NFC", " ".join(text.split()))  # no model here tells them apart
        known = self._cache.get((space_id, text))
        if known is not None:
            return known
        problem: SoutuError | None = None
        for watch in reversed(self._watches):
            try:
                vector = self._one(watch, space_id, lambda embedder, model: embedder.embed_texts([text], model), of_texts=True)
            except InvalidInput:
                raise
            except SoutuError as error:
                problem = problem or error  # of two, the one that should always be there is the one to see to
                if watch is self._text and isinstance(error, VectorsMalformed | EmbedderFailed):
                    self._text_failure = error.text
                continue
            if watch is self._text:
                self._text_failure = _NOTHING
            self._cache.put((space_id, text), vector)
            return vector
        raise problem or EmbedderAway()

    def embed_image(self, image: bytes, *, space_id: str) -> FloatArray:
        """Embed a query's picture, rendered as thumbnails are, into a space: float32, shape (dimension,).

        Raises:
            Unavailable: the service that embeds pictures does not answer, or does not have the space.
            Overloaded: it has too much to do.
            DeadlinePassed: it took too long.
            FailedPrecondition: it has not loaded the image tower (``TOWER_NOT_LOADED``).
            InvalidInput: the picture cannot be embedded.
        """

        def embed(embedder: Embedder, model: EmbeddingModel) -> list[Outcome]:
            return embedder.embed_images([image], model, interactive=True)

        try:
            return self._one(self._main, space_id, embed, of_texts=False)
        except EmbedderAway as error:
            raise PicturesAway from error

    @property
    def _watches(self) -> tuple[EmbedderWatch, ...]:
        return (self._main,) if self._text is None else (self._main, self._text)

    def _one(
        self, watch: EmbedderWatch, space_id: str, embed: Callable[[Embedder, EmbeddingModel], list[Outcome]], *, of_texts: bool
    ) -> FloatArray:
        """Embed one item of a query.

        Raises:
            SoutuError: see ``embed_text``.
        """
        watch.wait_until_asked(_FIRST_ANSWER_SECONDS)
        model = watch.model(space_id)
        if model is None:
            raise self._absent(watch)
        if not (model.has_texts if of_texts else model.has_images):
            raise TowerNotLoaded
        slow = threading.Timer(_SLOW_SECONDS, watch.doubt)
        slow.start()
        try:
            outcome = embed(watch.embedder, model)[0]
        except SoutuError as error:
            self._note(watch, error)
            raise self._absent(watch) if isinstance(error, EmbedderAway | SpaceChanged) else error from error
        finally:
            slow.cancel()
        if isinstance(outcome, Embedded):
            return outcome.vector
        if isinstance(outcome, Malformed):
            _logger.warning("a query was answered with what is no embedding: %s", outcome.message)
            raise VectorsMalformed
        text = outcome.reason.text
        raise InvalidInput(f"NOT_EMBEDDED_{outcome.reason.value}", zh=text.zh, en=text.en)

    def _absent(self, watch: EmbedderWatch) -> Unavailable:
        """Say why a service does not embed into a space now, as an error that a query can go on from with words alone."""
        is_text = watch is self._text
        if watch.offered:
            differs = TextSpaceDiffers() if is_text else SpaceChanged()
            return Unavailable(differs.reason, zh=differs.text.zh, en=differs.text.en)
        problem, away = watch.problem, EmbedderAway()
        if problem.en and problem != away.text:
            return Unavailable("EMBEDDING_UNAVAILABLE", zh=problem.zh, en=problem.en)
        return TextEmbedderAway() if is_text else away

    def _note(self, watch: EmbedderWatch, error: SoutuError) -> None:
        """Take what a call's failure says about the service."""
        if isinstance(error, EmbedderAway | EmbedderRefuses | EmbedderUntrusted):
            watch.lost(error)
        elif isinstance(error, SpaceChanged | TowerNotLoaded | DeadlinePassed):
            watch.doubt()

    def _connected(self) -> None:
        self._bulk_problem = _NOTHING
        self._on_connected()

    def _text_connected(self) -> None:
        self._text_failure = _NOTHING
