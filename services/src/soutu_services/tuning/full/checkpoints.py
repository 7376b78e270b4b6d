"""Checkpoints as cn_clip's training program takes and leaves them. Nothing but tensors and plain values is unpickled."""

from __future__ import annotations

from pathlib import Path

import torch

from soutu_services.embedding.chinese_clip.checkpoint import model_tensors
from soutu_services.embedding.chinese_clip.torch_model import read_saved, write_saved
from soutu_services.runtime.errors import InvalidInput

__all__ = ["newest_checkpoint", "parameters", "starting_checkpoint", "write_model_alone"]

_TENSORS = "state_dict"


def parameters(path: Path) -> int:
    """Return how many numbers a checkpoint's model has."""
    return sum(tensor.numel() for tensor in model_tensors(read_saved(path, mapped=True), torch.Tensor).values())


def starting_checkpoint(path: Path, aside: Path) -> Path:
    """Return a checkpoint that cn_clip begins with: the file itself, or one that is made of it.

    Its program wants ``module.`` before each name, and an epoch and a step, though they are not used.

    Args:
        path: The file.
        aside: Where to put what is made of it.

    Raises:
        SoutuError: it holds no tensors by name.
        OSError: it cannot be written.
    """
    saved = read_saved(path, mapped=True)
    is_whole = isinstance(saved, dict) and {_TENSORS, "epoch", "step"} <= saved.keys()
    if is_whole and all(name.startswith("module.") for name in saved[_TENSORS]):
        return path
    state = {f"module.{name}": tensor for name, tensor in model_tensors(saved, torch.Tensor).items()}
    write_saved({"epoch": 0, "step": 0, "name": path.stem, _TENSORS: state}, aside)
    return aside


def newest_checkpoint(folder: Path) -> tuple[Path, int] | None:
    """Find the checkpoint of the last epoch that is whole, and its epoch; one that a kill cut off is passed over."""
    found: list[tuple[int, str, Path]] = []
    for path in folder.glob("epoch*.pt"):
        try:
            saved = read_saved(path, mapped=True)
        except InvalidInput:  # cut off
            continue
        if isinstance(saved, dict) and {_TENSORS, "optimizer", "step"} <= saved.keys():
            found.append((int(saved["epoch"]), path.name, path))
    if not found:
        return None
    epoch, _, path = max(found)
    return path, epoch


def write_model_alone(path: Path, output: Path, name: str) -> None:
    """Write a checkpoint without the state of its optimizer, which is two thirds of it."""
    saved = read_saved(path, mapped=True)
    write_saved({"epoch": saved["epoch"], "step": saved["step"], "name": name, _TENSORS: saved[_TENSORS]}, output)
