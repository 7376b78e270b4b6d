"""The Chinese-CLIP encoder of the embedding service, run by torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from soutu_services.embedding.chinese_clip.architecture import Architecture, read_architecture
from soutu_services.embedding.chinese_clip.preprocessing import picture_pixels
from soutu_services.embedding.chinese_clip.probe import largest_drift, probe_pictures, probe_texts, unit_rows
from soutu_services.embedding.chinese_clip.text_input import TEXT_CHARACTERS, text_ids
from soutu_services.embedding.chinese_clip.tokens import CPU_PASS_TOKENS, BertTokens, TokenArray, of_like_length, padded
from soutu_services.embedding.chinese_clip.torch_model import (
    Picture,
    Precision,
    TorchModel,
    official_architecture,
    official_models,
    vocabulary_path,
)
from soutu_services.embedding.encoder import FloatArray, ModelCard, Tower
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.embedding.weights import WeightsSettings, find_weights
from soutu_services.runtime.errors import InvalidInput

__all__ = ["Checkpoint", "ChineseClipEncoder", "find_checkpoint"]

_GPU_PASS_TOKENS = 4096
"""On a GPU a pass over few tokens is bound by its launches, so that one pass over all is best."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file of weights and what it is.

    Attributes:
        name: For people: the official model's name, or the file's.
        path: The file.
        architecture_name: For people.
        architecture: Shape of the towers.
    """

    name: str
    path: Path
    architecture_name: str
    architecture: Architecture


def find_checkpoint(name_or_path: str, *, architecture: str | None, weights: WeightsSettings) -> Checkpoint:
    """Find the checkpoint that a name or a path stands for.

    Args:
        name_or_path: An official model's name, or the path of a checkpoint.
        architecture: For a path: an official model's name, or a JSON file or folder as in ``architecture.py``.
        weights: Where an official model's weights come from.

    Raises:
        InvalidInput: there is no such model, file or architecture.
        SoutuError: the weights cannot be had; see ``find_weights``.
    """
    published = official_models().get(name_or_path)
    if published is not None and architecture in (None, name_or_path):
        shape = official_architecture(name_or_path)
        assert shape is not None
        return Checkpoint(name_or_path, find_weights(published, weights), name_or_path, shape)
    path = Path(name_or_path).expanduser()
    names = ", ".join(official_models())
    if not path.is_file():
        raise InvalidInput(
            "MODEL_UNKNOWN",
            zh=f"{name_or_path} 不是官方模型名（{names}），也不是检查点文件",
            en=f"{name_or_path} is neither an official model ({names}) nor a checkpoint file",
        )
    if architecture is None:
        raise InvalidInput(
            "ARCHITECTURE_MISSING",
            zh=f"请写明检查点 {path.name} 的结构：{path.name}@结构，结构是 {names} 之一，或一个结构文件",
            en=f"Name the architecture of {path.name}: {path.name}@ARCHITECTURE, one of {names}, or an architecture file",
        )
    shape = official_architecture(architecture) or read_architecture(Path(architecture).expanduser())
    return Checkpoint(path.stem, path, Path(architecture).stem if Path(architecture).exists() else architecture, shape)


class ChineseClipEncoder:
    """An official Chinese-CLIP model or a checkpoint fine-tuned from one.

    Texts are encoded at their own length, or that of the longest of those run together, not padded to 52 tokens. Padding is
    masked (-10000 before the softmax, which underflows to 0), so the result is the same but for the order of sums. Largest
    difference in any component of the unit vectors, texts of 1 to 52 tokens alone and in mixed batches against cn_clip by hand
    padded to 52, fp32 on a CPU, random weights: ViT-B-16's text tower 1.6e-7 (cosine distance 5e-13), RN50's three-layer one
    1.3e-7 (2e-13).
    """

    def __init__(self, model: TorchModel, name: str, *, drift: float, limits: ImageLimits) -> None:
        self._model = model
        self._tokens = BertTokens(vocabulary_path())
        self._limits = limits
        self._card = ModelCard(
            name=name,
            space_id=model.space_id,
            variant=f"torch-{model.precision}",
            dimension=model.architecture.embed_dim,
            towers=frozenset({Tower.TEXT, Tower.IMAGE}),
            input_size=model.architecture.image_resolution,
            text_characters=TEXT_CHARACTERS,
            drift=drift,
        )

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        architecture: str | None,
        device: str,
        precision: Precision | Literal["auto"],
        weights: WeightsSettings,
        limits: ImageLimits,
    ) -> ChineseClipEncoder:
        """Load a model.

        Args:
            name_or_path: An official model's name, or the path of a checkpoint.
            architecture: For a path: see ``find_checkpoint``.
            device: ``auto`` (the first GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``…
            precision: ``auto`` is fp16 on a GPU and fp32 on a CPU. What fp16 and bf16 change is measured on made-up pictures and
                texts while loading, and stated as the card's drift.
            weights: Where an official model's weights come from.
            limits: Largest image to decode.

        Raises:
            SoutuError: the model cannot be had, is of another architecture, or there is no such device.
        """
        checkpoint = find_checkpoint(name_or_path, architecture=architecture, weights=weights)
        model = TorchModel.load(checkpoint.path, checkpoint.architecture, name=checkpoint.architecture_name, device=device)
        chosen = model.default_precision if precision == "auto" else precision
        drift = 0.0 if chosen == "fp32" else _reduce(model, chosen)
        return cls(model, checkpoint.name, drift=drift, limits=limits)

    @property
    def card(self) -> ModelCard:
        """Describe the model."""
        return self._card

    def prepare_text(self, text: str) -> TokenArray:
        """Return a text's token ids at its own length: shape (n,), 3 <= n <= 52.

        Raises:
            ItemRefused: the text is empty or too long.
        """
        return text_ids(self._tokens, text)

    def prepare_image(self, data: bytes) -> Picture:
        """Decode and preprocess an encoded image, and begin to bring it to the GPU if there is one, while the tower runs.

        Raises:
            ItemRefused: the bytes cannot be read as a picture.
        """
        side = self._card.input_size
        return self._model.bring(picture_pixels(decode_rgb(data, self._limits, shorter_side=side), side))

    def encode_texts(self, prepared: Sequence[TokenArray]) -> FloatArray:
        """Embed prepared texts: shape (len(prepared), dimension), rows L2-normalised."""
        rows = np.empty((len(prepared), self._card.dimension), dtype=np.float32)
        for group in of_like_length(prepared, pass_tokens=_GPU_PASS_TOKENS if self._model.is_on_gpu else CPU_PASS_TOKENS):
            rows[group] = unit_rows(self._model.encode_texts(padded([prepared[at] for at in group])))
        return rows

    def encode_images(self, prepared: Sequence[Picture]) -> FloatArray:
        """Embed prepared images: shape (len(prepared), dimension), rows L2-normalised."""
        if not prepared:
            return np.empty((0, self._card.dimension), dtype=np.float32)
        return unit_rows(self._model.encode_images(prepared))

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def _reduce(model: TorchModel, precision: Precision) -> float:
    """Reduce a model's precision; return the drift, which is that of the worse tower."""
    texts = padded(probe_texts(BertTokens(vocabulary_path())))
    pictures = probe_pictures(model.architecture.image_resolution)
    before = unit_rows(model.encode_texts(texts)), unit_rows(model.encode_images(pictures))
    model.reduce(precision)
    after = unit_rows(model.encode_texts(texts)), unit_rows(model.encode_images(pictures))
    return max(largest_drift(reference, variant) for reference, variant in zip(before, after, strict=True))
