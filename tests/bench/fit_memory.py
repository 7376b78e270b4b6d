"""How much memory a low-rank fit takes on a GPU, without one: its own step on tensors that have a size and no content.

``PYTHONPATH=tests .venv/bin/python -m bench.fit_memory`` prints a line for each model: parameters in all and trained, and the
peak of one step at the default batch, in bf16. Each storage counts from its making to its end: weights, gradients, AdamW's
moments and what is kept for the backward pass. What CUDA itself takes (its context and the workspaces of its libraries, some
0.5 GB) and what its allocator leaves unused come on top.
"""

from __future__ import annotations

import argparse
import sys
import warnings
import weakref
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from soutu_services.embedding.chinese_clip.torch_model import official_architecture, official_models
from soutu_services.tuning.low_rank import network as low_rank
from soutu_services.tuning.low_rank.network import LowRankNetwork
from soutu_services.tuning.low_rank.options import CHUNK, LowRankOptions
from soutu_services.tuning.low_rank.step import Step

_LENGTH = 52


class Tally(TorchDispatchMode):  # type: ignore[misc] # to mypy torch is Any
    """Counts the bytes of the storages that exist, and the most that did."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, function: Any, _types: Any, inputs: Any = (), options: Any = None) -> Any:
        found = function(*inputs, **(options or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage: Any) -> None:
        key = id(storage)
        if key in self._known:
            return
        size = storage.nbytes()

        def gone(_: object) -> None:
            del self._known[key]
            self.now -= size

        self._known[key] = weakref.ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)


def peak(name: str, options: LowRankOptions, *, chunk: int, precision: Any, recompute: bool) -> tuple[int, int, int]:
    """Return the parameters in all, those that are trained, and the peak of a step in bytes."""
    from cn_clip.clip.model import CLIP  # the import above lets it be imported without torchvision

    architecture = official_architecture(name)
    assert architecture is not None
    side = architecture.image_resolution
    kept = low_rank._block_forward
    low_rank._block_forward = kept if recompute else lambda forward, *inputs: forward(*inputs)
    tally = Tally()
    try:
        # all is where it belongs, and tensors without content cannot be moved
        with FakeTensorMode(allow_non_fake_inputs=True), tally, patch.object(torch.nn.Module, "to", lambda self, *_, **__: self):
            module = CLIP(**architecture.model_dump()).eval().requires_grad_(False)
            network = LowRankNetwork(module, options, device=torch.device("cpu"), precision=precision, chunk=chunk)
            network._peft.train()
            images = np.zeros((options.batch, side, side, 3), np.uint8)
            if options.freeze_images:
                images = np.zeros((options.batch, architecture.embed_dim), np.float32)
            step = Step(images, np.ones((options.batch, _LENGTH), np.uint16), np.eye(options.batch, dtype=bool), 1e-4, 0)
            network._backward(step)
            network._optimizer.step()
            network._backward(step)  # with the optimizer's moments there
    finally:
        low_rank._block_forward = kept
    total = sum(parameter.numel() for parameter in network._clip.parameters())
    trained = sum(parameter.numel() for parameter in network._trained.values())
    return total, trained, tally.most


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="*", default=["ViT-B-16", "ViT-L-14"], choices=list(official_models()))
    parser.add_argument("--batch", type=int, default=LowRankOptions().batch)
    parser.add_argument("--chunk", type=int, nargs="*", default=[CHUNK])
    parser.add_argument("--freeze-images", action="store_true")
    parser.add_argument("--without-checkpointing", action="store_true", help="also without gradient checkpointing")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    options = LowRankOptions(batch=given.batch, freeze_images=given.freeze_images)
    for name in given.models:
        for chunk in given.chunk:
            for recompute in (True, False)[: 1 + given.without_checkpointing]:
                total, trained, most = peak(name, options, chunk=chunk, precision="bf16", recompute=recompute)
                how = "checkpointing" if recompute else "all kept"
                sys.stdout.write(
                    f"{name} batch {given.batch} chunk {chunk} {how}: {total / 1e6:.0f} M parameters, "
                    f"{trained / 1e6:.1f} M trained, peak {most / 2**30:.2f} GiB\n"
                )


if __name__ == "__main__":
    main()
