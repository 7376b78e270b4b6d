"""A model with an adapter behind its towers: a space of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from soutu_services.embedding.adapter_folder import Adapter
from soutu_services.embedding.encoder import Encoder, FloatArray, ModelCard
from soutu_services.runtime.errors import FailedPrecondition

__all__ = ["AdaptedEncoder"]


class AdaptedEncoder:
    """An ``Encoder``; what it embeds passes the base model first. It owns the base."""

    def __init__(self, base: Encoder, adapter: Adapter) -> None:
        """Put an adapter behind a model.

        Raises:
            FailedPrecondition: the adapter was trained on another model.
        """
        manifest = adapter.manifest
        if (base.card.space_id, base.card.dimension) != (manifest.base_space_id, manifest.dimension):
            raise FailedPrecondition(
                "ADAPTER_OF_ANOTHER_MODEL",
                zh=f"适配层 {manifest.name} 是为模型 {manifest.base} 训练的（{manifest.base_space_id}），"
                f"不能用在 {base.card.name} 上（{base.card.space_id}）",
                en=f"the adapter {manifest.name} was trained on the model {manifest.base} ({manifest.base_space_id}), "
                f"not on {base.card.name} ({base.card.space_id})",
            )
        self._base = base
        self._adapter = adapter

    @property
    def card(self) -> ModelCard:
        """Describe the model. ``drift`` is that of the base as it is run."""
        manifest = self._adapter.manifest
        return replace(self._base.card, name=manifest.name, space_id=manifest.space_id)

    def prepare_text(self, text: str) -> Any:
        """Prepare as the base does."""
        return self._base.prepare_text(text)

    def prepare_image(self, data: bytes) -> Any:
        """Prepare as the base does."""
        return self._base.prepare_image(data)

    def encode_texts(self, prepared: Sequence[Any]) -> FloatArray:
        """Embed prepared texts."""
        return self._adapter.text.apply(self._base.encode_texts(prepared))

    def encode_images(self, prepared: Sequence[Any]) -> FloatArray:
        """Embed prepared images."""
        return self._adapter.image.apply(self._base.encode_images(prepared))

    def close(self) -> None:
        """Free the base."""
        self._base.close()
