"""A trained adapter on disk: a folder with ``adapter.json`` and ``adapter.npz``, small enough to mail.

It holds no part of the model that it was trained on, only its name and its space; format 1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from soutu_services.embedding.encoder import FloatArray
from soutu_services.embedding.projection import Projection
from soutu_services.embedding.space import space_digest
from soutu_services.runtime.errors import DataLoss, InvalidInput

__all__ = ["MANIFEST_NAME", "Adapter", "AdapterManifest", "adapter_space", "read_adapter", "write_adapter"]

MANIFEST_NAME = "adapter.json"
_TENSORS_NAME = "adapter.npz"
_PREPROCESSING = "clip-adapter-1"
_TOWERS = ("text", "image")
_SpaceId = Annotated[str, Field(min_length=1, max_length=64)]


class AdapterManifest(BaseModel):
    """What an adapter is.

    Attributes:
        format: Version of this description.
        name: Model, for people.
        base: The model it was trained on, as the embedding service names it, for instance ``lite``.
        base_space_id: That model's space.
        space_id: The space of what comes out.
        dimension: Length of an embedding.
        rise: How much recall rose on held-out pairs, as a share; None: it was not measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    base: str
    base_space_id: _SpaceId
    space_id: _SpaceId
    dimension: PositiveInt
    rise: float | None = None


class Adapter:
    """The projections of both towers, and what they belong to."""

    def __init__(self, manifest: AdapterManifest, *, text: Projection, image: Projection) -> None:
        self.manifest = manifest
        self.text = text
        self.image = image


def adapter_space(base_space_id: str, *, text: Projection, image: Projection) -> str:
    """Digest the base's space and the adapter's tensors: another adapter is another space."""
    base = {"space": np.frombuffer(base_space_id.encode(), np.uint8)}
    return space_digest(base, preprocessing=_PREPROCESSING, adapter=_tensors(text, image))


def write_adapter(folder: Path, adapter: Adapter) -> None:
    """Write an adapter; the manifest comes last, so that a folder with one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{_TENSORS_NAME}"
    with aside.open("wb") as file:
        np.savez(file, **_tensors(adapter.text, adapter.image))  # type: ignore[arg-type]
        os.fsync(file.fileno())
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    aside.replace(folder / _TENSORS_NAME)
    aside = folder / f".{MANIFEST_NAME}"
    aside.write_text(adapter.manifest.model_dump_json(indent=1) + "\n", "utf-8")
    aside.replace(folder / MANIFEST_NAME)


def read_adapter(folder: Path) -> Adapter:
    """Read an adapter, and check that its tensors are those of its space.

    Raises:
        InvalidInput: the folder holds none, or one of a format that this version does not know.
        DataLoss: its tensors are damaged.
    """
    try:
        manifest = AdapterManifest.model_validate_json((folder / MANIFEST_NAME).read_bytes())
    except OSError as error:
        raise _no_adapter(folder, f"{MANIFEST_NAME}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _no_adapter(folder, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
    try:
        with (folder / _TENSORS_NAME).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            tensors = {name: arrays[name] for name in arrays.files}
        projections = [_projection(tensors, tower) for tower in _TOWERS]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise _damaged(folder) from error
    text, image = projections
    shapes = {projection.down.shape[0] for projection in projections} | {projection.up.shape[1] for projection in projections}
    if shapes != {manifest.dimension} or adapter_space(manifest.base_space_id, text=text, image=image) != manifest.space_id:
        raise _damaged(folder)
    return Adapter(manifest, text=text, image=image)


def _tensors(text: Projection, image: Projection) -> Mapping[str, FloatArray]:
    return {
        f"{tower}.{name}": np.asarray(value, np.float32)
        for tower, projection in (("text", text), ("image", image))
        for name, value in (("down", projection.down), ("up", projection.up), ("mix", projection.mix))
    }


def _projection(tensors: Mapping[str, FloatArray], tower: str) -> Projection:
    down, up, mix = (tensors[f"{tower}.{name}"] for name in ("down", "up", "mix"))
    if down.ndim != 2 or up.ndim != 2 or down.shape != up.shape[::-1] or down.dtype != np.float32 or up.dtype != np.float32:
        raise ValueError("not a projection")
    return Projection(down, up, float(mix))


def _no_adapter(folder: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        "NOT_AN_ADAPTER",
        zh=f"{folder} 里没有 soutu-tune fit 训练的适配层（{reason}）",
        en=f"{folder} holds no adapter that soutu-tune fit made ({reason})",
    )


def _damaged(folder: Path) -> DataLoss:
    return DataLoss(
        "ADAPTER_DAMAGED",
        zh=f"{folder} 里的适配层已损坏：请重新复制，或重新训练",
        en=f"the adapter in {folder} is damaged: copy it again, or train it again",
    )
