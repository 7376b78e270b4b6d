"""A fine-tuned model on disk: a folder with ``checkpoint.pt``, which the embedding service loads, and ``model.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from soutu_services.embedding.chinese_clip.architecture import Architecture
from soutu_services.runtime.errors import InvalidInput

__all__ = ["CHECKPOINT_NAME", "MODEL_NAME", "ModelManifest", "model_spec", "read_model", "write_architecture", "write_model"]

MODEL_NAME, CHECKPOINT_NAME = "model.json", "checkpoint.pt"
_ARCHITECTURE_NAME = "architecture.json"
_SpaceId = Annotated[str, Field(min_length=1, max_length=64)]


class ModelManifest(BaseModel):
    """What a fine-tuned model is.

    Attributes:
        format: Version of this description.
        depth: How it was trained.
        name: Model, for people.
        base: The model it was trained from, as the embedding service names it.
        base_space_id: That model's space.
        space_id: Its own.
        dimension: Length of an embedding.
        architecture: Name of an official model; None: ``architecture.json`` in the folder.
        images_frozen: Its image tower is its base's: vectors of photos stay as they are.
        rise: How much recall rose on held-out pairs, as a share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    depth: Literal["low-rank", "full"]
    name: str
    base: str
    base_space_id: _SpaceId
    space_id: _SpaceId
    dimension: PositiveInt
    architecture: str | None
    images_frozen: bool
    rise: float | None = None


def model_spec(folder: Path, architecture: str | None) -> str:
    """Return how the embedding service names the model in a folder."""
    where = folder.resolve()
    return f"clip:{where / CHECKPOINT_NAME}@{architecture or where / _ARCHITECTURE_NAME}"


def write_architecture(folder: Path, architecture: Architecture) -> None:
    """Write the architecture of a model that is no official one."""
    (folder / _ARCHITECTURE_NAME).write_text(architecture.model_dump_json(indent=1) + "\n", "utf-8")


def write_model(folder: Path, manifest: ModelManifest) -> None:
    """Write the description, last of all: a folder with one is whole."""
    aside = folder / f".{MODEL_NAME}"
    aside.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    aside.replace(folder / MODEL_NAME)


def read_model(folder: Path) -> ModelManifest:
    """Read the description.

    Raises:
        InvalidInput: the folder holds none, or one of a format that this version does not know.
    """
    try:
        return ModelManifest.model_validate_json((folder / MODEL_NAME).read_bytes())
    except OSError as error:
        raise _no_model(folder, f"{MODEL_NAME}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _no_model(folder, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def _no_model(folder: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        "NOT_A_MODEL",
        zh=f"{folder} 里没有 soutu-tune fit 训练的模型（{reason}）",
        en=f"{folder} holds no model that soutu-tune fit made ({reason})",
    )
