"""The search service's standing with the embedding service: whether it answers, and whether its vectors belong to the library."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from soutu_services.runtime.errors import InvalidInput, Overloaded, SoutuError, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedder import Embedded, Embedder, EmbeddingModel, Malformed, Outcome, SpaceChanged, VectorsMalformed
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.metrics import EMBEDDER_UP
from soutu_services.search.model import FloatArray

__all__ = ["EmbeddingLink"]

_logger = logging.getLogger(__name__)

_PROBE_SECONDS = 5.0
_NOTHING = Text(zh="", en="")


class EmbeddingLink:
    """Watches the embedding service and lends it out to the ingest and to queries.

    The first model that answers an empty library gives it its space; from then on no other space is let in, unless the link is
    told to adopt the service's model.

    Args:
        catalog: The catalog, which knows the spaces.
        embedder: The client, made for the catalog's serving space if there is one.
        gate: How it backs off.
        adopt: Whether the first model that answers becomes the one that serves queries, whatever served them before.
        on_connected: Called, on the link's thread, when the service answers after it did not.
    """

    def __init__(
        self, catalog: Catalog, embedder: Embedder, gate: Gate, *, adopt: bool, on_connected: Callable[[], None]
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._gate = gate
        self._adopt = adopt
        self._on_connected = on_connected
        self._lock = threading.Lock()
        self._model: EmbeddingModel | None = None
        self._last_model: EmbeddingModel | None = None
        self._is_told = True
        self._bulk_problem = _NOTHING
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="embedder-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the connection."""
        self._stop.set()
        self._thread.join()
        self._embedder.close()

    @property
    def model(self) -> EmbeddingModel | None:
        """The model that embeds now; None while none can."""
        with self._lock:
            return self._model

    @property
    def last_model(self) -> EmbeddingModel | None:
        """The model that embedded last, whether it still answers or not."""
        with self._lock:
            return self._last_model

    @property
    def problem(self) -> Text:
        """Why it cannot be used, or what it answered last to the ingest; empty if it can."""
        problem = self._gate.problem
        return problem if problem.en else self._bulk_problem

    def embed_bulk(self, images: Sequence[bytes]) -> list[Outcome]:
        """Embed thumbnails for the ingest: each with its own outcome, of which at least one is no ``Malformed``.

        Raises:
            SoutuError: it cannot now; try again later.
        """
        try:
            outcomes = self._embedder.embed_images(images, interactive=False)
        except Overloaded:
            raise
        except (Unavailable, SpaceChanged) as error:
            self._lost(error)
            raise
        except SoutuError as error:
            self._bulk_problem = error.text
            raise
        if any(isinstance(outcome, Malformed) for outcome in outcomes):
            problem = VectorsMalformed()
            self._bulk_problem = problem.text
            if all(isinstance(outcome, Malformed) for outcome in outcomes):
                raise problem
        else:
            self._bulk_problem = _NOTHING
        return outcomes

    def embed_text(self, text: str, *, space_id: str) -> FloatArray:
        """Embed a query's words into a space: float32, shape (dimension,).

        Raises:
            Unavailable: it cannot now.
            Overloaded: it has too much to do.
            DeadlinePassed: it took too long.
            FailedPrecondition: its text tower is not loaded, or it serves another space than this.
            InvalidInput: the words cannot be embedded.
        """
        return self._one(lambda: self._embedder.embed_texts([text], interactive=True), space_id)

    def embed_image(self, image: bytes, *, space_id: str) -> FloatArray:
        """Embed a query's picture, rendered as thumbnails are, into a space: float32, shape (dimension,).

        Raises:
            Unavailable: it cannot now.
            Overloaded: it has too much to do.
            DeadlinePassed: it took too long.
            FailedPrecondition: its image tower is not loaded, or it serves another space than this.
            InvalidInput: the picture cannot be embedded.
        """
        return self._one(lambda: self._embedder.embed_images([image], interactive=True), space_id)

    def _one(self, embed: Callable[[], list[Outcome]], space_id: str) -> FloatArray:
        if self.model is None and not self._gate.is_open:
            raise Unavailable("EMBEDDING_UNAVAILABLE", zh=self.problem.zh, en=self.problem.en)
        try:
            outcome = embed()[0]
        except (Unavailable, SpaceChanged) as error:
            self._lost(error)
            raise Unavailable(error.reason, zh=error.text.zh, en=error.text.en) from error
        if isinstance(outcome, Embedded):
            if outcome.space_id != space_id:
                raise SpaceChanged
            return outcome.vector
        if isinstance(outcome, Malformed):
            _logger.warning("a query was answered with what is no embedding: %s", outcome.message)
            raise VectorsMalformed
        text = outcome.reason.text
        raise InvalidInput(f"NOT_EMBEDDED_{outcome.reason.value}", zh=text.zh, en=text.en)

    def _lost(self, error: SoutuError) -> None:
        with self._lock:
            self._model = None
        self._bulk_problem = _NOTHING
        EMBEDDER_UP.set(0)
        if self._gate.failed(error.text):
            _logger.warning("the embedding service cannot be used: %s", error.text.en)

    def _watch(self) -> None:
        while not self._stop.is_set():
            if self._gate.is_open:
                self._probe()
            self._stop.wait(min(_PROBE_SECONDS, self._gate.seconds_left() or _PROBE_SECONDS))

    def _probe(self) -> None:
        try:
            model = self._embedder.model()
            if self.model == model:
                self._tell()
                return
            self._catalog.embeddings.register_space(
                model.space_id, model=model.name, variant=model.variant, dimension=model.dimension
            )
            if self._adopt:
                self._catalog.embeddings.set_serving_space(model.space_id)
        except SoutuError as error:
            self._lost(error)
            return
        except Exception:
            _logger.exception("the embedding service could not be looked up")
            return
        self._gate.succeeded()
        with self._lock:
            self._model = self._last_model = model
        EMBEDDER_UP.set(1)
        _logger.info("embedding with %s (%s)", model.name, model.variant)
        self._is_told = False
        self._tell()

    def _tell(self) -> None:
        """Say that the service answers, again at the next probe if whoever is told fails."""
        if self._is_told:
            return
        try:
            self._on_connected()
        except Exception:
            _logger.exception("what follows from the embedding service's return failed; it is tried again")
            return
        self._is_told = True
