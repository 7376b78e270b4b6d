"""Both towers with low-rank updates, in torch: forward, backward, and what is left in the end.

A step holds as many pairs as the contrast needs and as few as memory allows: all are embedded without gradients first, a chunk at
a time, the loss gives the gradient of each embedding, and each chunk is embedded again with gradients (gradient caching, Gao et
al. 2021, arXiv:2101.06983; cn_clip's ``accum_freq`` does the same). Each chunk draws its dropout from a seed of its own, so the
second pass equals the first, and a training that is loaded again equals one that was not stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.chinese_clip.encoder import Checkpoint
from soutu_services.embedding.chinese_clip.preprocessing import normalised_pixels
from soutu_services.embedding.chinese_clip.torch_model import TorchModel, read_saved, write_saved
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.tuning.low_rank.options import LowRankOptions, Precision
from soutu_services.tuning.low_rank.step import Step
from soutu_services.tuning.retrieval import FloatArray

try:
    import peft
    import torch
    from torch import nn
    from torch.utils.checkpoint import checkpoint as recomputed

    from soutu_services.tuning.low_rank.attention import joined_attention, split_attention
    from soutu_services.tuning.low_rank.memory import telling_of_memory
except (ImportError, OSError) as missing:
    raise FailedPrecondition(
        "PEFT_NOT_INSTALLED",
        zh=f"没有可用的 peft（{missing}）：请运行 {sys.executable} -m pip install 'peft>=0.17'",
        en=f"peft is not usable here ({missing}); run: {sys.executable} -m pip install 'peft>=0.17'",
    ) from missing

__all__ = ["LowRankNetwork"]

_TARGETS = {
    "bert": r"bert\.encoder\..*\.(query|key|value|dense)",
    "vit": r"visual\.transformer\..*\.(query|key|value|out_proj|c_fc|c_proj)",
    "resnet": r"visual\.layer\d\.\d+\.conv\d",
}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_HIGHEST_SCALE = float(np.log(100))
"""As in the original CLIP, and in cn_clip's training."""
_MOST_GRADIENT = 1.0


class LowRankNetwork:
    """A model in training. Not for several threads at once."""

    def __init__(
        self, module: nn.Module, options: LowRankOptions, *, device: torch.device, precision: Precision, chunk: int
    ) -> None:
        self.options = options
        self.precision = precision
        self.chunk = chunk
        self.device = device
        is_resnet = not hasattr(module.visual, "transformer")
        split_attention(module)
        wanted = [_TARGETS["bert"]] + ([] if options.freeze_images else [_TARGETS["resnet" if is_resnet else "vit"]])
        config = peft.LoraConfig(
            r=options.rank, lora_alpha=options.scale * options.rank, target_modules="|".join(f"(?:{one})" for one in wanted)
        )
        with _seeded(options.seed, device):
            self._peft = peft.get_peft_model(module.to(device), config)
        self._clip = self._peft.base_model.model
        self._clip.logit_scale.requires_grad_(True)
        blocks = [*self._clip.bert.encoder.layer]
        blocks += [] if options.freeze_images or is_resnet else [*self._clip.visual.transformer.resblocks]
        for block in blocks:  # cn_clip's own checkpointing is reentrant: it loses the gradients where the input is frozen
            block.forward = partial(_block_forward, block.forward)
        self._trained = {name: value for name, value in self._peft.named_parameters() if value.requires_grad}
        is_plain = [name.endswith("logit_scale") for name in self._trained]
        self._optimizer = torch.optim.AdamW(
            [
                {
                    "params": [one for one, plain in zip(self._trained.values(), is_plain, strict=True) if plain is of_plain],
                    "weight_decay": 0.0 if of_plain else options.decay,
                }
                for of_plain in (False, True)
            ],
            betas=(0.9, 0.98),
            eps=1e-6,
        )
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self._peft.eval()

    @classmethod
    def load(
        cls, checkpoint: Checkpoint, options: LowRankOptions, *, device: str, precision: Precision | None, chunk: int
    ) -> LowRankNetwork:
        """Load a checkpoint and put updates that change nothing yet beside its linear maps.

        Args:
            checkpoint: The model.
            options: How it will be trained.
            device: ``auto``, ``cpu``, ``cuda``…
            precision: What is computed in; None: bf16 or else fp16 on a GPU, fp32 on a CPU.
            chunk: Most texts or pictures with gradients at once.

        Raises:
            SoutuError: the model cannot be had, or there is no such device.
        """
        model = TorchModel.load(checkpoint.path, checkpoint.architecture, name=checkpoint.architecture_name, device=device)
        place = next(model.module.parameters()).device
        chosen = precision or _suitable(place)
        with telling_of_memory(place, chunk):
            return cls(model.module, options, device=place, precision=chosen, chunk=chunk)

    def step(self, step: Step) -> float:
        """Take one step; return the loss.

        Raises:
            Overloaded: memory does not suffice.
        """
        with telling_of_memory(self.device, self.chunk):
            self._peft.train()
            for module in self._clip.visual.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
            for group in self._optimizer.param_groups:
                group["lr"] = step.rate
            self._optimizer.zero_grad(set_to_none=True)
            loss = self._backward(step)
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._trained.values(), _MOST_GRADIENT)
            self._scaler.step(self._optimizer)
            self._scaler.update()
            with torch.no_grad():
                self._clip.logit_scale.clamp_(0, _HIGHEST_SCALE)
            self._peft.eval()
            return float(loss)

    def encode_images(self, resized: npt.NDArray[Any]) -> FloatArray:
        """Embed resized pictures, shape (n, side, side, 3): shape (n, d), rows L2-normalised."""
        return self._encode(self._images, resized)

    def encode_texts(self, tokens: npt.NDArray[Any]) -> FloatArray:
        """Embed token ids, shape (n, length): shape (n, d), rows L2-normalised."""
        return self._encode(self._texts, tokens)

    @property
    def device_mib(self) -> int:
        """Most memory of the GPU so far, in MiB; 0 without one."""
        return torch.cuda.max_memory_allocated(self.device) >> 20 if self.device.type == "cuda" else 0

    def save_trained(self, path: Path) -> None:
        """Write what is trained, as it is now."""
        write_saved(self._state_of_trained(), path)

    def restore_trained(self, path: Path) -> None:
        """Take in what ``save_trained`` wrote.

        Raises:
            ValueError: it is that of another model.
            OSError: it cannot be read.
        """
        self._use(read_saved(path))

    def save(self, path: Path, beside: Mapping[str, Any]) -> None:
        """Write all that is needed to go on, and plain values beside it."""
        state = {
            "trained": self._state_of_trained(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "beside": dict(beside),
        }
        write_saved(state, path)

    def restore(self, path: Path) -> dict[str, Any]:
        """Go on from what was written; return what was beside it. Nothing but tensors and plain values is unpickled.

        Raises:
            ValueError: it is damaged, or of another model.
        """
        try:
            state = read_saved(path)
            self._use(state["trained"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
            return dict(state["beside"])
        except Exception as error:
            raise ValueError(str(error)) from error

    def write_checkpoint(self, path: Path, name: str) -> None:
        """Add the updates to the weights and write the model, in fp32, as cn_clip's training does. It cannot be trained after.

        Raises:
            Overloaded: memory does not suffice.
        """
        with telling_of_memory(self.device, self.chunk):
            merged = self._peft.merge_and_unload()
            state = joined_attention({key: value.detach().float().cpu() for key, value in merged.state_dict().items()})
        write_saved(
            {"epoch": 0, "step": 0, "name": name, "state_dict": {f"module.{key}": value for key, value in state.items()}}, path
        )

    def _state_of_trained(self) -> dict[str, Any]:
        return {name: value.detach().cpu().clone() for name, value in self._trained.items()}

    def _use(self, trained: Mapping[str, Any]) -> None:
        if {name: value.shape for name, value in trained.items()} != {name: value.shape for name, value in self._trained.items()}:
            raise ValueError("another shape")
        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(trained[name])

    def _backward(self, step: Step) -> torch.Tensor:
        frozen = self.options.freeze_images
        towers: list[tuple[Callable[[npt.NDArray[Any]], torch.Tensor], npt.NDArray[Any]]] = [(self._texts, step.tokens)]
        if not frozen:
            towers.append((self._images, step.images))
        is_whole = all(len(inputs) <= self.chunk for _, inputs in towers)
        found: list[torch.Tensor] = []
        for at, (encode, inputs) in enumerate(towers):
            with torch.set_grad_enabled(is_whole):
                found.append(torch.cat([chunk() for chunk in self._chunks(encode, inputs, step.seed + at)]))
        leaves = found if is_whole else [one.detach().requires_grad_() for one in found]
        images = torch.from_numpy(step.images).to(self.device) if frozen else leaves[1]
        loss = _contrast(leaves[0], images, self._clip.logit_scale.exp(), torch.from_numpy(step.fits).to(self.device))
        self._scaler.scale(loss).backward()
        if not is_whole:
            for at, ((encode, inputs), leaf) in enumerate(zip(towers, leaves, strict=True)):
                slopes = leaf.grad.split(self.chunk)
                for chunk, slope in zip(self._chunks(encode, inputs, step.seed + at), slopes, strict=True):
                    chunk().backward(slope)
        return loss.detach()

    def _chunks(
        self, encode: Callable[[npt.NDArray[Any]], torch.Tensor], inputs: npt.NDArray[Any], seed: int
    ) -> Iterator[Callable[[], torch.Tensor]]:
        for begin in range(0, len(inputs), self.chunk):

            def run(begin: int = begin) -> torch.Tensor:
                with _seeded(seed * 1_000_003 + begin, self.device):
                    return encode(inputs[begin : begin + self.chunk])

            yield run

    def _encode(self, encode: Callable[[npt.NDArray[Any]], torch.Tensor], inputs: npt.NDArray[Any]) -> FloatArray:
        with telling_of_memory(self.device, self.chunk), torch.inference_mode():
            parts = [encode(inputs[begin : begin + self.chunk]).cpu().numpy() for begin in range(0, len(inputs), self.chunk)]
        return np.concatenate(parts)

    def _images(self, resized: npt.NDArray[Any]) -> torch.Tensor:
        pixels: FloatArray = normalised_pixels(resized)
        with self._autocast():
            return _unit(self._clip.encode_image(torch.from_numpy(pixels).to(self.device)))

    def _texts(self, tokens: npt.NDArray[Any]) -> torch.Tensor:
        length = int((tokens != 0).sum(axis=1).max())
        with self._autocast():
            return _unit(self._clip.encode_text(torch.from_numpy(tokens[:, :length].astype(np.int64)).to(self.device)))

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=_DTYPES[self.precision], enabled=self.precision != "fp32")


def _contrast(texts: torch.Tensor, images: torch.Tensor, scale: torch.Tensor, fits: torch.Tensor) -> torch.Tensor:
    """Return CLIP's loss in both directions; several right answers share the target."""
    scores = scale * texts @ images.t()
    of_text = fits / fits.sum(dim=1, keepdim=True)
    of_image = (fits / fits.sum(dim=0, keepdim=True)).t()
    return (nn.functional.cross_entropy(scores, of_text) + nn.functional.cross_entropy(scores.t(), of_image)) / 2


def _unit(embeddings: torch.Tensor) -> torch.Tensor:
    return nn.functional.normalize(embeddings.float(), dim=-1)


def _block_forward(forward: Callable[..., Any], *inputs: Any) -> Any:
    return recomputed(forward, *inputs, use_reentrant=False) if torch.is_grad_enabled() else forward(*inputs)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from a seed, and leave the generators as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _suitable(device: torch.device) -> Precision:
    if device.type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
