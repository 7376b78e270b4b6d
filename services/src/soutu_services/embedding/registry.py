"""Which model a spec in the settings means. Heavy libraries are imported only by the models that need them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from soutu_services.embedding.encoder import Encoder, Tower
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.embedding.shared_encoder import SharedModel
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, SoutuError

__all__ = ["ModelSpec", "load_encoder", "load_encoders"]

_logger = logging.getLogger("soutu_services.embedding")

_TOWERS = {"text": frozenset({Tower.TEXT}), "image": frozenset({Tower.IMAGE})}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a spec says.

    Attributes:
        kind: Implementation.
        source: Name of an official model, or path of a checkpoint, a bundle or an adapter; empty for lite.
        architecture: Architecture of a checkpoint, for instance ``ViT-B-16``; None: ``source`` names an official model.
        towers: Towers of a bundle to load; None: all it has.
        base: Spec of the model that an adapter is put behind; None: the one that it names.
    """

    kind: Literal["lite", "clip", "onnx", "adapter"]
    source: str = ""
    architecture: str | None = None
    towers: frozenset[Tower] | None = None
    base: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Read a spec.

        These are: ``lite``, ``clip:NAME``, ``clip:FILE@NAME``, ``onnx:FOLDER``, ``onnx:FOLDER@text``, ``onnx:FOLDER@image``,
        ``adapter:FOLDER``, and ``adapter:FOLDER=SPEC`` with any of the others as the model that the adapter is put behind.

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
        if kind == "adapter" and rest:
            for end in (place for place, character in enumerate(rest) if character == "=" and place):
                if _names_a_model(rest[end + 1 :]):
                    return cls("adapter", rest[:end], base=rest[end + 1 :])
            if "=" not in rest or Path(rest).expanduser().is_dir():  # a folder's name may have the sign
                return cls("adapter", rest)
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh=f"看不懂模型“{text}”，可用写法：lite、clip:ViT-B-16、clip:权重文件@ViT-B-16、onnx:文件夹、adapter:文件夹。",
            en=f'The model "{text}" is none of: lite, clip:ViT-B-16, clip:FILE@ViT-B-16, onnx:FOLDER, adapter:FOLDER.',
        )


def load_encoder(spec: str, settings: EmbeddingSettings) -> Encoder:
    """Load the model that a spec names.

    Args:
        spec: As ``ModelSpec.parse`` takes it.
        settings: Device, precision, threads, limits and where weights come from.

    Raises:
        SoutuError: the spec is wrong, a library it needs is not installed, or its files are missing or broken.
    """
    return load_encoders([spec], settings)[0]


def load_encoders(specs: Sequence[str], settings: EmbeddingSettings) -> list[Encoder]:
    """Load the models that specs name, one that several need once: adapters of one model, or an adapter beside its model.

    Args:
        specs: As ``ModelSpec.parse`` takes them.
        settings: As for ``load_encoder``.

    Raises:
        SoutuError: as for ``load_encoder``; nothing stays loaded.
    """
    models: dict[str, SharedModel] = {}
    encoders: list[Encoder] = []

    def shared(spec: str) -> Encoder:
        if spec not in models:
            models[spec] = SharedModel(_loaded(spec, settings))
        return models[spec].user()

    try:
        for spec in specs:
            wanted = ModelSpec.parse(spec)
            encoders.append(_adapted(wanted, shared) if wanted.kind == "adapter" else shared(spec.strip()))
    except BaseException:
        for encoder in encoders:
            encoder.close()
        raise
    return encoders


def _names_a_model(text: str) -> bool:
    try:
        return ModelSpec.parse(text).kind != "adapter"
    except InvalidInput:
        return False


def _loaded(spec: str, settings: EmbeddingSettings) -> Encoder:
    try:
        return _load(ModelSpec.parse(spec), settings)
    except SoutuError:
        raise
    except Exception as error:
        _logger.debug("the model %s cannot be loaded", spec, exc_info=True)
        cause = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        raise FailedPrecondition(
            "MODEL_NOT_LOADED",
            zh=f"无法加载模型“{spec}”：{cause}",
            en=f'The model "{spec}" cannot be loaded: {cause}',
        ) from error


def _load(wanted: ModelSpec, settings: EmbeddingSettings) -> Encoder:
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


def _adapted(wanted: ModelSpec, load: Callable[[str], Encoder]) -> Encoder:
    from soutu_services.embedding.adapted_encoder import AdaptedEncoder  # noqa: PLC0415
    from soutu_services.embedding.adapter_folder import read_adapter  # noqa: PLC0415

    adapter = read_adapter(Path(wanted.source).expanduser())
    named = wanted.base or adapter.manifest.base
    if ModelSpec.parse(named).kind == "adapter":
        raise InvalidInput(
            "BAD_MODEL_SPEC",
            zh=f"适配层要放在模型后面，不能放在另一个适配层后面：{named}",
            en=f"an adapter goes behind a model, not behind another adapter: {named}",
        )
    base = load(named.strip())
    try:
        return AdaptedEncoder(base, adapter)
    except BaseException:
        base.close()
        raise
