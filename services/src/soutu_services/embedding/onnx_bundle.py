"""A Chinese-CLIP model exported to ONNX: runs without torch and cn_clip, and one tower alone if that is all that is wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from soutu_services.embedding.bundle_manifest import Manifest, read_manifest
from soutu_services.embedding.chinese_clip.preprocessing import PREPROCESSING, picture_pixels
from soutu_services.embedding.chinese_clip.probe import unit_rows
from soutu_services.embedding.chinese_clip.text_input import TEXT_CHARACTERS, text_ids
from soutu_services.embedding.chinese_clip.tokens import (
    CONTEXT_LENGTH,
    CPU_PASS_TOKENS,
    BertTokens,
    TokenArray,
    of_like_length,
    padded,
)
from soutu_services.embedding.encoder import FloatArray, ModelCard, Tower
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.embedding.onnx_session import OnnxModel, OnnxModelBroken
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput

__all__ = ["OnnxBundleEncoder"]


class OnnxBundleEncoder:
    """The towers of a bundle that were asked for. Same space as the checkpoint they come from."""

    def __init__(
        self, manifest: Manifest, models: Mapping[Tower, OnnxModel], tokens: BertTokens | None, *, limits: ImageLimits
    ) -> None:
        self._models = dict(models)
        self._tokens = tokens
        self._limits = limits
        self._card = ModelCard(
            name=manifest.name,
            space_id=manifest.space_id,
            variant=f"onnx-{manifest.precision}",
            dimension=manifest.dimension,
            towers=frozenset(models),
            input_size=manifest.input_size,
            text_characters=TEXT_CHARACTERS,
            drift=max(entry.drift for tower in models if (entry := manifest.entry(tower)) is not None),
        )

    @classmethod
    def load(cls, folder: Path, *, towers: Collection[Tower] | None, limits: ImageLimits, threads: int = 0) -> OnnxBundleEncoder:
        """Load a bundle; every file that is used is checked against its digest first.

        Args:
            folder: The bundle.
            towers: Towers to load; None or nothing for all that the bundle holds.
            limits: Largest image to decode.
            threads: Threads of one run; 0 leaves it to ONNX Runtime.

        Raises:
            InvalidInput: the folder holds no bundle that this version understands, or not the tower.
            DataLoss: a file is missing or damaged.
        """
        manifest = read_manifest(folder)
        wanted = frozenset(towers) if towers else manifest.available()
        if not wanted <= manifest.available():
            raise InvalidInput(
                "TOWER_NOT_IN_BUNDLE",
                zh=f"导出的模型 {manifest.name} 只有一半（{', '.join(manifest.towers)}）：请另选，或重新导出两半",
                en=f"The exported model {manifest.name} holds {', '.join(manifest.towers)} alone: choose that, or export both",
            )
        if (manifest.preprocessing, manifest.context_length) != (PREPROCESSING, CONTEXT_LENGTH):
            raise InvalidInput(
                "BUNDLE_TOO_NEW",
                zh=f"导出的模型 {manifest.name} 需要另一个版本的搜图：请升级，或重新导出",
                en=f"The exported model {manifest.name} needs another version of soutu: upgrade, or export it again",
            )
        models = {tower: _load_tower(folder, manifest, tower, threads) for tower in sorted(wanted, key=lambda tower: tower.value)}
        tokens = None
        if Tower.TEXT in wanted:
            try:
                tokens = BertTokens(manifest.check(folder, manifest.vocabulary or ""))
            except (ValueError, OSError) as error:
                raise InvalidInput(
                    "NOT_A_BUNDLE",
                    zh=f"导出的模型 {manifest.name} 的词表不可用（{error}）",
                    en=f"The vocabulary of the exported model {manifest.name} is not usable ({error})",
                ) from error
        return cls(manifest, models, tokens, limits=limits)

    @property
    def card(self) -> ModelCard:
        """Describe the model."""
        return self._card

    def prepare_text(self, text: str) -> TokenArray:
        """Return a text's token ids at its own length: shape (n,), 3 <= n <= 52.

        Raises:
            ItemRefused: the text is empty or too long.
            FailedPrecondition: the text tower is not loaded.
        """
        if self._tokens is None:
            raise _not_loaded(self._card)
        return text_ids(self._tokens, text)

    def prepare_image(self, data: bytes) -> FloatArray:
        """Decode and preprocess an encoded image: shape (3, side, side).

        Raises:
            ItemRefused: the bytes cannot be read as a picture.
        """
        side = self._card.input_size
        return picture_pixels(decode_rgb(data, self._limits, shorter_side=side), side)

    def encode_texts(self, prepared: Sequence[TokenArray]) -> FloatArray:
        """Embed prepared texts, those of like length together: shape (len(prepared), dimension), rows L2-normalised.

        Raises:
            FailedPrecondition: the text tower is not loaded.
        """
        rows = np.empty((len(prepared), self._card.dimension), dtype=np.float32)
        for group in of_like_length(prepared, pass_tokens=CPU_PASS_TOKENS):
            rows[group] = self._run(Tower.TEXT, "tokens", padded([prepared[at] for at in group]))
        return rows

    def encode_images(self, prepared: Sequence[FloatArray]) -> FloatArray:
        """Embed prepared images: shape (len(prepared), dimension), rows L2-normalised.

        Raises:
            FailedPrecondition: the image tower is not loaded.
        """
        return self._run(Tower.IMAGE, "image", np.stack(prepared)) if prepared else self._nothing()

    def close(self) -> None:
        """Free the model."""
        self._models.clear()

    def _run(self, tower: Tower, name: str, batch: TokenArray | FloatArray) -> FloatArray:
        model = self._models.get(tower)
        if model is None:
            raise _not_loaded(self._card)
        return unit_rows(model.run({name: batch})[0])

    def _nothing(self) -> FloatArray:
        return np.empty((0, self._card.dimension), dtype=np.float32)


def _load_tower(folder: Path, manifest: Manifest, tower: Tower, threads: int) -> OnnxModel:
    entry = manifest.entry(tower)
    assert entry is not None
    for name in entry.data:
        manifest.check(folder, name)
    try:
        return OnnxModel(manifest.check(folder, entry.graph), threads=threads)
    except OnnxModelBroken as error:
        raise DataLoss(
            "BUNDLE_DAMAGED",
            zh=f"ONNX Runtime 打不开 {manifest.name} 的 {entry.graph}：请重新导出",
            en=f"ONNX Runtime cannot load {entry.graph} of {manifest.name}: export it again",
        ) from error


def _not_loaded(card: ModelCard) -> FailedPrecondition:
    return FailedPrecondition(
        "TOWER_NOT_LOADED",
        zh=f"模型 {card.name} 在这台机器上只加载了一半",
        en=f"Only one tower of the model {card.name} is loaded on this machine",
    )
