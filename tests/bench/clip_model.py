"""A Chinese-CLIP of the real ViT-B-16 architecture with random weights, and its exported bundles: made once, and kept.

Speed does not depend on the weights. Drift does: with random ones it says how the numbers of a variant err, not how a trained
model's do, which every bundle's manifest states.
"""

from __future__ import annotations

from pathlib import Path

from soutu_services.embedding.bundle_manifest import GraphPrecision
from soutu_services.embedding.chinese_clip.encoder import Checkpoint
from soutu_services.embedding.chinese_clip.torch_model import official_architecture
from soutu_services.embedding.export.bundle_writer import export_bundle

__all__ = ["ARCHITECTURE", "bundle", "checkpoint"]

ARCHITECTURE = "ViT-B-16"
_SEED = 20261129


def checkpoint(folder: Path) -> Checkpoint:
    """Return the checkpoint, which is written into a folder if it is not there."""
    shape = official_architecture(ARCHITECTURE)
    assert shape is not None
    path = folder / "random.pt"
    if not path.exists():
        import torch
        from cn_clip.clip.model import CLIP

        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(_SEED)
        model = CLIP(**shape.model_dump()).eval()
        aside = path.with_suffix(".aside")
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in model.state_dict().items()}}, aside)
        aside.rename(path)
    return Checkpoint("random", path, ARCHITECTURE, shape)


def bundle(folder: Path, precision: GraphPrecision) -> Path:
    """Return the bundle of a precision, which is exported if it is not there."""
    path = folder / precision
    if not path.exists():
        export_bundle(checkpoint(folder), path, precision=precision)
    return path
