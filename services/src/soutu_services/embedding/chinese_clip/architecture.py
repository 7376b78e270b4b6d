"""What a checkpoint's tensors do not say of themselves: the shape of the two towers.

The words are those of cn_clip's ``model_configs/*.json``: one file for the vision tower, one for the text tower. A fine-tuned
variant with a shape of its own is named by a JSON file that holds both, or by a folder with ``vision.json`` and ``text.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PositiveInt, ValidationError, model_validator

from soutu_services.embedding.chinese_clip.preprocessing import PREPROCESSING
from soutu_services.embedding.chinese_clip.tokens import CONTEXT_LENGTH
from soutu_services.runtime.errors import InvalidInput

__all__ = ["Architecture", "merged_architecture", "read_architecture"]


def _listed(layers: object) -> object:
    """Read ``"[3,4,6,3]"``, as cn_clip writes a ResNet's layers."""
    return json.loads(layers) if isinstance(layers, str) else layers


_Layers = Annotated[PositiveInt | tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt], BeforeValidator(_listed)]


class Architecture(BaseModel):
    """Arguments of ``cn_clip.clip.model.CLIP``, checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embed_dim: PositiveInt
    image_resolution: PositiveInt
    vision_layers: _Layers
    vision_width: PositiveInt
    vision_patch_size: PositiveInt | None
    vision_head_width: PositiveInt = 64
    vocab_size: PositiveInt
    text_attention_probs_dropout_prob: float
    text_hidden_act: Literal["gelu", "relu", "swish", "gelu_new"]
    text_hidden_dropout_prob: float
    text_hidden_size: PositiveInt
    text_initializer_range: float
    text_intermediate_size: PositiveInt
    text_max_position_embeddings: PositiveInt
    text_num_attention_heads: PositiveInt
    text_num_hidden_layers: PositiveInt
    text_type_vocab_size: PositiveInt

    @model_validator(mode="after")
    def _patches_fit(self) -> Architecture:
        if isinstance(self.vision_layers, int) and self.vision_patch_size is None:
            raise ValueError("a vision transformer needs vision_patch_size")
        return self

    def identity(self) -> str:
        """Return what decides the embeddings beside the tensors, in one line for ``space_digest``."""
        heads = f"{self.vision_head_width},{self.text_num_attention_heads}"
        return (
            f"{PREPROCESSING} side={self.image_resolution} patch={self.vision_patch_size} tokens={CONTEXT_LENGTH} "
            f"heads={heads} act={self.text_hidden_act}"
        )


def read_architecture(path: Path) -> Architecture:
    """Read an architecture from a JSON file, or from ``vision.json`` and ``text.json`` in a folder.

    Raises:
        InvalidInput: there is none, or it is not one.
    """
    return merged_architecture([path / "vision.json", path / "text.json"] if path.is_dir() else [path], name=str(path))


def merged_architecture(files: Sequence[Path], *, name: str) -> Architecture:
    """Read an architecture that is spread over several JSON files.

    Raises:
        InvalidInput: they are not there, or do not hold one.
    """
    merged: dict[str, Any] = {}
    try:
        for file in files:
            merged |= json.loads(file.read_text(encoding="utf-8"))
        return Architecture.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise _unreadable(name, reason) from error
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(name, str(error).splitlines()[0]) from error


def _unreadable(name: str, reason: str) -> InvalidInput:
    return InvalidInput(
        "ARCHITECTURE_UNKNOWN",
        zh=f"{name} 不是官方模型名，也不是可用的结构文件（{reason}）",
        en=f"{name} is neither an official model's name nor an architecture file ({reason})",
    )
