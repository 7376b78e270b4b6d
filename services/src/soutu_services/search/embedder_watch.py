"""Whether an embedding service answers, and what it offers, asked again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from soutu_services.runtime.errors import DeadlinePassed, SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.catalog.clock import now
from soutu_services.search.embedder import Embedder
from soutu_services.search.embedding_errors import EmbedderAway
from soutu_services.search.embedding_model import EmbeddingModel
from soutu_services.search.ingest.gate import Gate

__all__ = ["EmbedderWatch"]

_logger = logging.getLogger(__name__)

_PROBE_SECONDS = 5.0


class EmbedderWatch:
    """Keeps in mind what one embedding service offers, so that nobody has to wait to find out that it is away.

    Its models are asked for every few seconds, and at once when a call was refused or not answered: a service that restarts
    with another model is noticed however it comes about.

    Args:
        embedder: The client; it is closed with the watch.
        gate: How it backs off.
        name: What the service is called in the log.
        accept: Called, on the watch's thread, with models that differ from those before; returns those that may be used.
        on_connected: Called, on the watch's thread, when the service answers after it did not, or offers something else.
        on_away: Called, on the watch's thread, after each time that the service was asked in vain.
    """

    def __init__(
        self,
        embedder: Embedder,
        gate: Gate,
        *,
        name: str,
        accept: Callable[[tuple[EmbeddingModel, ...]], tuple[EmbeddingModel, ...]],
        on_connected: Callable[[], None],
        on_away: Callable[[], None],
    ) -> None:
        self.embedder = embedder
        self._gate = gate
        self._name = name
        self._accept = accept
        self._on_connected = on_connected
        self._on_away = on_away
        self._lock = threading.Lock()
        self._listed: tuple[EmbeddingModel, ...] = ()
        self._offered: tuple[EmbeddingModel, ...] = ()
        self._last_offered: tuple[EmbeddingModel, ...] = ()
        self._away_since: datetime | None = now()
        self._is_told = True
        self._was_asked = threading.Event()
        self._hurry = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"{name.replace(' ', '-')}-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection, which ends whatever waits on it, and end the thread."""
        self._stop.set()
        self._hurry.set()
        self.embedder.close()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def offered(self) -> tuple[EmbeddingModel, ...]:
        """The models that it can be used with now, the default first, each space once; empty while it is away."""
        with self._lock:
            return self._offered

    @property
    def last_offered(self) -> tuple[EmbeddingModel, ...]:
        """The models that it offered last, whether it still answers or not."""
        with self._lock:
            return self._last_offered

    @property
    def away_since(self) -> datetime | None:
        """Since when it cannot be used, UTC; None while it can."""
        with self._lock:
            return self._away_since

    @property
    def problem(self) -> Text:
        """Why it cannot be used; empty if it can, or was not asked yet."""
        return self._gate.problem

    def model(self, space_id: str) -> EmbeddingModel | None:
        """What embeds into a space now; None while nothing does."""
        return next((model for model in self.offered if model.space_id == space_id), None)

    def wait_until_asked(self, seconds: float) -> None:
        """Wait, at most so long, until it is known for the first time whether the service answers."""
        self._was_asked.wait(seconds)

    def doubt(self) -> None:
        """Say that a call was not answered in time or was refused: the service is asked now."""
        self._hurry.set()

    def lost(self, error: SoutuError) -> None:
        """Say that the service cannot be used, and why."""
        with self._lock:
            self._listed = self._offered = ()
            self._away_since = self._away_since or now()
        if self._gate.failed(error.text):
            _logger.warning("the %s cannot be used: %s", self._name, error.text.en)

    def _watch(self) -> None:
        while not self._stop.is_set():
            if self._gate.is_open:
                self._probe()
                self._was_asked.set()
            self._hurry.wait(min(_PROBE_SECONDS, self._gate.seconds_left() or _PROBE_SECONDS))
            self._hurry.clear()

    def _probe(self) -> None:
        began = time.monotonic()
        try:
            models = self.embedder.models()
            with self._lock:
                is_news = models != self._listed
            if is_news:
                self._take_over(models)
            self._tell()
            return
        except DeadlinePassed:
            if self.embedder.answered_at > began:
                return  # busy, not away
            self.embedder.reconnect()
            self.lost(EmbedderAway())
        except SoutuError as error:
            self.lost(error)
        except Exception:
            _logger.exception("the %s could not be looked up", self._name)
            return
        try:
            self._on_away()
        except Exception:
            _logger.exception("what follows from the absence of the %s failed", self._name)

    def _take_over(self, models: tuple[EmbeddingModel, ...]) -> None:
        offered = self._accept(models)
        self._gate.succeeded()
        with self._lock:
            self._listed, self._offered, self._last_offered = models, offered, offered
            self._away_since = None
        _logger.info("the %s offers %s", self._name, ", ".join(f"{one.name} ({one.variant})" for one in offered) or "nothing")
        self._is_told = False

    def _tell(self) -> None:
        """Say that the service answers, again at the next probe if whoever is told fails."""
        if self._is_told:
            return
        try:
            self._on_connected()
        except Exception:
            _logger.exception("what follows from the return of the %s failed; it is tried again", self._name)
            return
        self._is_told = True
