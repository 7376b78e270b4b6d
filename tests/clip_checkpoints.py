"""Checkpoints of the real Chinese-CLIP architectures with tiny dimensions and random weights."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import soutu_services.embedding.chinese_clip.torch_model  # noqa: F401 - lets cn_clip be imported without torchvision

__all__ = ["TEXTS", "TinyCheckpoint", "by_hand_images", "by_hand_texts", "encoded_pictures", "make_checkpoint"]

torch.set_num_threads(1)  # models this small only lose by more

_TEXT: dict[str, Any] = {
    "vocab_size": 21128,
    "text_attention_probs_dropout_prob": 0.1,
    "text_hidden_act": "gelu",
    "text_hidden_dropout_prob": 0.1,
    "text_hidden_size": 32,
    "text_initializer_range": 0.5,
    "text_intermediate_size": 64,
    "text_max_position_embeddings": 64,
    "text_num_attention_heads": 2,
    "text_num_hidden_layers": 2,
    "text_type_vocab_size": 2,
}
_VISION: dict[str, dict[str, Any]] = {
    "vit": {
        "embed_dim": 24,
        "image_resolution": 64,
        "vision_layers": 2,
        "vision_width": 32,
        "vision_patch_size": 16,
        "vision_head_width": 16,
    },
    "resnet": {
        "embed_dim": 24,
        "image_resolution": 64,
        "vision_layers": "[1,2,1,1]",
        "vision_width": 8,
        "vision_patch_size": None,
    },
}

TEXTS = (
    "狗",
    "在雪地里奔跑的狗",
    "A Red Bicycle, leaning against a wall!",
    "奶奶 80 岁生日 🎂 café",
    "一" * 49,
    "很长的句子" * 40,
)


@dataclass(frozen=True)
class TinyCheckpoint:
    """A file, its architecture's file, and the model in memory, fp32, ready to be called by hand."""

    path: Path
    architecture: Path
    model: Any


def make_checkpoint(folder: Path, kind: str, **changes: Any) -> TinyCheckpoint:
    """Write a checkpoint as cn_clip's own training does: ``module.`` before every name, beside the optimizer's state.

    ``changes`` are to the architecture.
    """
    from cn_clip.clip.model import CLIP

    architecture = folder / f"tiny-{kind}.json"
    architecture.write_text(json.dumps(_VISION[kind] | _TEXT | changes))
    arguments = dict(_VISION[kind] | _TEXT | changes)
    if isinstance(arguments["vision_layers"], str):
        arguments["vision_layers"] = json.loads(arguments["vision_layers"])
    torch.manual_seed(7)
    model = CLIP(**arguments).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bn3.weight"):  # cn_clip sets them to 0, which would leave the residual blocks out
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    if kind == "resnet":  # batch normalisation that has seen something, or the tower tells no pictures apart
        for module in model.visual.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # a plain average
        model.visual.train()
        with torch.no_grad():
            model.encode_image(torch.randn(8, 3, 64, 64))
        model.eval()
    path = folder / f"tiny-{kind}.pt"
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save(
        {"epoch": 3, "step": 12, "name": "tiny", "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}, path
    )
    return TinyCheckpoint(path, architecture, model)


def by_hand_images(model: Any, pictures: list[bytes], side: int = 64) -> Any:
    """Embed pictures as cn_clip's README does it; its ``image_transform`` is written out, since it needs torchvision."""
    mean = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
    deviation = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)
    inputs = []
    for data in pictures:
        picture = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        inputs.append((torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div(255) - mean) / deviation)
    with torch.no_grad():
        embeddings = model.encode_image(torch.stack(inputs)).float()
    return (embeddings / embeddings.norm(dim=-1, keepdim=True)).numpy()


def by_hand_texts(model: Any, tokens: Any) -> Any:
    """Embed token ids that are padded to 52, as cn_clip's README does it."""
    with torch.no_grad():
        embeddings = model.encode_text(tokens).float()
    return (embeddings / embeddings.norm(dim=-1, keepdim=True)).numpy()


def encoded_pictures() -> dict[str, bytes]:
    """Make pictures of every kind that a tower may be sent."""
    random = np.random.default_rng(11)

    def pixels(height: int, width: int, channels: int) -> Image.Image:
        coarse = random.integers(0, 256, (5, 7, channels), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    rgba = pixels(90, 70, 4)
    pictures: dict[str, tuple[Image.Image, str]] = {
        "tall.jpg": (pixels(120, 50, 3), "JPEG"),
        "wide.png": (pixels(40, 200, 3), "PNG"),
        "small.bmp": (pixels(3, 2, 3), "BMP"),
        "palette.gif": (pixels(80, 80, 3).quantize(64), "GIF"),
        "alpha.png": (rgba, "PNG"),
        "cmyk.jpg": (pixels(64, 96, 3).convert("CMYK"), "JPEG"),
        "grey.webp": (pixels(70, 90, 3).convert("L"), "WEBP"),
    }
    encoded = {}
    for name, (picture, kind) in pictures.items():
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        encoded[name] = buffer.getvalue()
    return encoded
