"""Attention whose four linear maps are modules of their own, as peft wants them.

peft 0.21.2 has a LoRA layer for ``torch.nn.MultiheadAttention``, and it is not used here: in each forward pass it adds the update
to the frozen weights and takes it off again, which moved them by 4e-7 within 200 steps, and it adds that of the output twice
(huggingface/peft#3774, measured: a ratio of 2.0), so that rank and rate mean something else there than in any other layer.
"""

from __future__ import annotations

from collections.abc import MutableMapping

import torch
from torch import nn
from torch.nn import functional

__all__ = ["SplitAttention", "joined_attention", "split_attention"]

_PARTS = ("query", "key", "value")


class SplitAttention(nn.Module):  # type: ignore[misc] # to mypy torch is Any, installed or not
    """What ``torch.nn.MultiheadAttention`` computes of a sequence with itself, without dropout and without a mask."""

    def __init__(self, whole: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = whole.num_heads
        weights, biases = whole.in_proj_weight.chunk(3), whole.in_proj_bias.chunk(3)
        for name, weight, bias in zip(_PARTS, weights, biases, strict=True):
            setattr(self, name, _linear(weight, bias))
        self.out_proj = _linear(whole.out_proj.weight, whole.out_proj.bias)

    def forward(
        self, x: torch.Tensor, _key: torch.Tensor, _value: torch.Tensor, *, need_weights: bool, attn_mask: None
    ) -> tuple[torch.Tensor, None]:
        """Attend.

        Args:
            x: Shape (length, n, width); key and value are the same.
            need_weights: Not.
            attn_mask: None.

        Returns:
            Shape (length, n, width), and no weights.
        """
        assert attn_mask is None and not need_weights
        length, count, width = x.shape

        def headed(name: str) -> torch.Tensor:
            rows = getattr(self, name)(x)
            return rows.reshape(length, count, self.heads, width // self.heads).permute(1, 2, 0, 3)

        mixed = functional.scaled_dot_product_attention(*(headed(name) for name in _PARTS))
        return self.out_proj(mixed.permute(2, 0, 1, 3).reshape(length, count, width)), None


def split_attention(model: nn.Module) -> None:
    """Put it in the place of every ``MultiheadAttention`` of a model."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.MultiheadAttention):
                setattr(parent, name, SplitAttention(child))


def joined_attention(state: MutableMapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a state under the names that ``MultiheadAttention`` gives its tensors."""
    joined = dict(state)
    for name in state:
        if name.endswith(".attn.query.weight"):
            block = name.removesuffix("query.weight")
            for kind in ("weight", "bias"):
                joined[f"{block}in_proj_{kind}"] = torch.cat([joined.pop(f"{block}{part}.{kind}") for part in _PARTS])
    return joined


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.weight, linear.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    return linear
