"""``manifest.json`` of an exported model: what the graphs beside it are.

A bundle is a folder: ``manifest.json``, ``image.onnx`` and ``text.onnx`` (either may be missing), their weights in files of
their own where a graph would be over 2 GB, and ``vocab.txt``. Format 1; a reader refuses formats it does not know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.weights import file_sha256
from soutu_services.runtime.errors import DataLoss, InvalidInput

__all__ = ["MANIFEST_NAME", "GraphPrecision", "Manifest", "TowerEntry", "read_manifest"]

MANIFEST_NAME = "manifest.json"

GraphPrecision = Literal["fp32", "fp16", "int8"]
"""Of the weights in the graphs."""

_FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
"""A file of the bundle's own folder, and nothing else."""
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TowerEntry(BaseModel):
    """One tower.

    Attributes:
        graph: Its ONNX file.
        data: Files of weights that the graph refers to.
        drift: Largest cosine distance to torch in fp32, measured at export.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph: _FileName
    data: tuple[_FileName, ...] = ()
    drift: float = Field(ge=0, le=2)


class Manifest(BaseModel):
    """What a bundle is.

    Attributes:
        format: Version of this description.
        name: Model, for people.
        space_id: Which embeddings may be compared; that of the checkpoint it was exported from.
        precision: Of the weights in the graphs.
        dimension: Length of an embedding.
        input_size: Side of the square that the image tower sees, in pixels.
        preprocessing: Name and version; see ``chinese_clip/preprocessing.py``.
        context_length: Longest text in tokens.
        towers: What it can embed.
        vocabulary: File of the text tower's tokens, if there is one.
        sha256: Digest of every file but this one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    space_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    precision: GraphPrecision
    dimension: PositiveInt
    input_size: PositiveInt
    preprocessing: str
    context_length: PositiveInt
    towers: dict[Literal["image", "text"], TowerEntry] = Field(min_length=1)
    vocabulary: _FileName | None
    sha256: dict[_FileName, _Digest]

    def entry(self, tower: Tower) -> TowerEntry | None:
        """Return a tower's entry, or None if the bundle lacks it."""
        return self.towers.get("image" if tower is Tower.IMAGE else "text")

    def available(self) -> frozenset[Tower]:
        """Return the towers that the bundle holds."""
        return frozenset(tower for tower in Tower if self.entry(tower) is not None)

    def check(self, folder: Path, name: str) -> Path:
        """Return a file's path once its digest is what the manifest says.

        Raises:
            DataLoss: the file is gone or another.
        """
        path = folder / name
        try:
            intact = file_sha256(path) == self.sha256.get(name)
        except OSError:
            intact = False
        if not intact:
            raise DataLoss(
                "BUNDLE_DAMAGED",
                zh=f"导出的模型 {self.name} 里的 {name} 缺失或已损坏：请重新导出或重新复制",
                en=f"{name} of the exported model {self.name} is missing or damaged: export it or copy it again",
            )
        return path


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's manifest.

    Raises:
        InvalidInput: the folder holds no bundle, or one of a format that this version does not know.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST_NAME).read_bytes())
    except OSError as error:
        raise _no_bundle(folder, f"{MANIFEST_NAME}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _no_bundle(folder, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def _no_bundle(folder: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        "NOT_A_BUNDLE",
        zh=f"{folder} 不是 soutu-embedding export 导出的模型（{reason}）",
        en=f"{folder} is not a model that soutu-embedding export made ({reason})",
    )
