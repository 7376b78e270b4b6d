"""Which model a spec in the settings means. Heavy libraries are imported only by the models that need them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from soutu_services.embedding.encoder import Encoder, Tower
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import InvalidInput

__all__ = ["ModelSpec", "load_encoder"]

_TOWERS = {"text": frozenset({Tower.TEXT}), "image": frozenset({Tower.IMAGE})}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a spec says.

    Attributes:
        kind: Implementation.
        source: Name of an official model, or path of a checkpoint or bundle; empty for lite.
        architecture: Architecture of a checkpoint, for instance ``ViT-B-16``; None: ``source`` names an official model.
        towers: Towers of a bundle to load; None: all it has.
    """

    kind: Literal["lite", "clip", "onnx"]
    source: str = ""
    architecture: str | None = None
    towers: frozenset[Tower] | None = None

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Read ``lite``, ``clip:NAME``, ``clip:FILE@NAME``, ``onnx:FOLDER``, ``onnx:FOLDER@text`` or ``onnx:FOLDER@image``.

        Raises:
            InvalidInput: it is none of these.
        """
        kind, _, rest = text.strip().partition(":")
        if kind == "lite" and not rest:
            return cls("lite")
        if kind == "clip" and rest:
            path, at, architecture = rest.rpartition("@")
            if not at:
                return cls("clip", rest)
            if path and architecture:
                return cls("clip", path, architecture=architecture)
        if kind == "onnx" and rest:
            path, at, tower = rest.rpartition("@")
            if at and path and tower in _TOWERS:
                return cls("onnx", path, towers=_TOWERS[tower])
            return cls("onnx", rest)
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh=f"看不懂模型“{text}”，可用写法：lite、clip:ViT-B-16、clip:权重文件@ViT-B-16、onnx:文件夹。",
            en=f'The model "{text}" is none of: lite, clip:ViT-B-16, clip:FILE@ViT-B-16, onnx:FOLDER.',
        )


def load_encoder(spec: str, settings: EmbeddingSettings) -> Encoder:
    """Load the model that a spec names.

    Args:
        spec: As ``ModelSpec.parse`` takes it.
        settings: Device, precision, threads, limits and where weights come from.

    Raises:
        SoutuError: the spec is wrong, a library it needs is not installed, or its files are missing or broken.
    """
    wanted = ModelSpec.parse(spec)
    limits = settings.image_limits
    if wanted.kind == "lite":
        from soutu_services.embedding.lite.encoder import LiteEncoder  # noqa: PLC0415 - see the module's docstring

        return LiteEncoder.load(limits=limits, threads=settings.cpu_threads)
    if wanted.kind == "onnx":
        from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder  # noqa: PLC0415

        folder = Path(wanted.source).expanduser()
        return OnnxBundleEncoder.load(folder, towers=wanted.towers, limits=limits, threads=settings.cpu_threads)
    from soutu_services.embedding.chinese_clip.encoder import ChineseClipEncoder  # noqa: PLC0415

    return ChineseClipEncoder.load(
        wanted.source,
        architecture=wanted.architecture,
        device=settings.device,
        precision=settings.precision,
        weights=settings.weights,
        limits=limits,
    )
