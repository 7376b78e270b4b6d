"""The embedding service itself: spaces, limits, and the towers that do the work."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from soutu_services.embedding.batcher import Batcher, BatchSettings
from soutu_services.embedding.encoder import Encoder, ItemProblem, ItemRefused, ModelCard, Tower
from soutu_services.embedding.limits import RequestLimits
from soutu_services.embedding.ticket import Outcome, Priority, Ticket
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Overloaded
from soutu_services.runtime.language import named

__all__ = ["Embedded", "EmbeddingService", "ServedModel"]

_PROBE_TEXT = "照片"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The answer to one call: as many outcomes as items, in their order."""

    space_id: str
    variant: str
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and the limits of requests to it."""

    card: ModelCard
    limits: RequestLimits
    text_characters: int


class _LoadedModel:
    """An encoder and a batcher for each of its towers."""

    def __init__(self, encoder: Encoder, limits: RequestLimits, batching: BatchSettings) -> None:
        self.encoder = encoder
        self.card = encoder.card
        self.text_characters = min(self.card.text_characters, limits.text_characters)
        self.batchers: dict[Tower, Batcher] = {}
        try:
            if Tower.TEXT in self.card.towers:
                probe = encoder.prepare_text(_PROBE_TEXT)
                self.batchers[Tower.TEXT] = self._batcher(Tower.TEXT, encoder.encode_texts, probe, batching)
            if Tower.IMAGE in self.card.towers:
                probe = encoder.prepare_image(_probe_image())
                self.batchers[Tower.IMAGE] = self._batcher(Tower.IMAGE, encoder.encode_images, probe, batching)
        except Exception as error:
            self.close()
            _logger.error("the model %s (%s) failed its trial", self.card.name, self.card.variant, exc_info=error)
            raise FailedPrecondition(
                "MODEL_BROKEN",
                zh=f"模型 {self.card.name}（{self.card.variant}）试运行失败，权重可能已损坏。详情见日志。",
                en=f"The model {self.card.name} ({self.card.variant}) failed its trial; its weights may be damaged. See the log.",
            ) from error

    def _batcher(self, tower: Tower, forward: Callable[[Sequence[Any]], Any], probe: Any, batching: BatchSettings) -> Batcher:
        return Batcher(
            forward,
            dimension=self.card.dimension,
            probe=probe,
            settings=batching,
            model=f"{self.card.name}/{self.card.variant}",
            tower=tower.name.lower(),
        )

    def prepare_text(self, text: str) -> Any:
        if not text.strip():
            raise ItemRefused(ItemProblem.EMPTY, zh="文字是空的。", en="The text is empty.")
        if len(text) > self.text_characters:
            raise ItemRefused(
                ItemProblem.TOO_LARGE,
                zh=f"文字有 {len(text)} 个字，超过上限 {self.text_characters}。",
                en=f"The text has {len(text)} characters; the limit is {self.text_characters}.",
            )
        return self.encoder.prepare_text(text)

    def close(self) -> None:
        for batcher in self.batchers.values():
            batcher.close()
        self.encoder.close()


class EmbeddingService:
    """Embeds texts and images into the spaces of its models. Owns the models and their threads."""

    def __init__(self, encoders: Sequence[Encoder], limits: RequestLimits, batching: BatchSettings) -> None:
        """Try every tower once, then be ready.

        Args:
            encoders: Models, the default first; they are closed with the service, also when this fails.
            limits: Limits of requests.
            batching: How items are gathered into forward passes.

        Raises:
            FailedPrecondition: a model does not work.
        """
        self._limits = limits
        self._bulk_calls = threading.BoundedSemaphore(limits.bulk_calls)
        self._models: list[_LoadedModel] = []
        unloaded = list(encoders)
        try:
            while unloaded:
                encoder = unloaded.pop(0)
                self._models.append(_LoadedModel(encoder, limits, batching))
        except BaseException:
            for encoder in unloaded:
                encoder.close()
            self.close()
            raise

    def models(self) -> Sequence[ServedModel]:
        """List the models, the default first."""
        return [ServedModel(model.card, self._limits, model.text_characters) for model in self._models]

    def embed_texts(self, texts: Sequence[str], *, space_id: str, ticket: Ticket) -> Embedded:
        """Embed texts.

        Args:
            texts: Texts.
            space_id: Space to embed into; empty: the default model's.
            ticket: The call, for as many items as there are texts.

        Raises:
            FailedPrecondition: the space is not served, or its text tower is not.
            InvalidInput: too many items.
            Overloaded, DeadlinePassed, Unavailable: see ``Batcher.embed``.
        """
        model = self._find(space_id, Tower.TEXT)
        return self._embed(model, Tower.TEXT, texts, model.prepare_text, ticket)

    def embed_images(self, images: Sequence[bytes], *, space_id: str, ticket: Ticket) -> Embedded:
        """Embed encoded images; arguments and errors as for texts."""
        model = self._find(space_id, Tower.IMAGE)
        return self._embed(model, Tower.IMAGE, images, model.encoder.prepare_image, ticket)

    def close(self) -> None:
        """Stop the towers and free the models."""
        for model in self._models:
            model.close()

    def _embed(
        self, model: _LoadedModel, tower: Tower, raw: Sequence[Any], prepare: Callable[[Any], Any], ticket: Ticket
    ) -> Embedded:
        if len(raw) > self._limits.items:
            raise InvalidInput(
                "TOO_MANY_ITEMS",
                zh=f"一次请求最多 {self._limits.items} 项，这次有 {len(raw)} 项。请分几次发送。",
                en=f"A request may hold {self._limits.items} items; this one has {len(raw)}. Send them in several requests.",
            )
        with self._place_for(ticket):
            outcomes = model.batchers[tower].embed(ticket, raw, prepare) if raw else ()
        return Embedded(model.card.space_id, model.card.variant, outcomes)

    @contextlib.contextmanager
    def _place_for(self, ticket: Ticket) -> Iterator[None]:
        """Keep bulk calls from holding every worker."""
        if ticket.priority is not Priority.BULK:
            yield
            return
        if not self._bulk_calls.acquire(blocking=False):
            raise Overloaded(
                "TOO_MANY_BULK_CALLS",
                zh=f"同时进行的批量请求已达上限 {self._limits.bulk_calls}。请稍后再试。",
                en=f"{self._limits.bulk_calls} bulk requests are running, which is the limit. Try again later.",
            )
        try:
            yield
        finally:
            self._bulk_calls.release()

    def _find(self, space_id: str, tower: Tower) -> _LoadedModel:
        """Return the first model of the space that has the tower: each half of a space may be run by another variant."""
        space = space_id or self._models[0].card.space_id
        of_space = [model for model in self._models if model.card.space_id == space]
        if not of_space:
            served = ", ".join(f"{model.card.name} ({model.card.space_id})" for model in self._models)
            raise FailedPrecondition(
                "SPACE_NOT_SERVED",
                zh=f"这里没有向量空间 {named(space_id)}，只有：{served}。",
                en=f"The space {named(space_id)} is not served here; these are: {served}.",
            )
        for model in of_space:
            if tower in model.batchers:
                return model
        zh, en = ("文字", "text") if tower is Tower.TEXT else ("图片", "image")
        raise FailedPrecondition(
            "TOWER_NOT_LOADED",
            zh=f"模型 {of_space[0].card.name} 在这里没有加载{zh}部分。请连接加载了它的向量服务。",
            en=f"The {en} tower of {of_space[0].card.name} is not loaded here. Use an embedding service that has it.",
        )


def _probe_image() -> bytes:
    """Make a small picture that any model can embed."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()
