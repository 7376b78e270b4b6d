"""What is sent of a photo to the embedding service, against the photo itself: its bytes, and how near its embedding comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.clip_model import bundle
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.search.imaging import PictureLimits, read_picture

__all__ = ["sent"]


def sent(models: Path, pictures: Sequence[Path], say: Callable[[str], None]) -> dict[str, Any]:
    """Embed photos both ways, with ``lite`` and with ViT-B-16 of random weights in fp32."""
    whole = [path.read_bytes() for path in pictures]
    small = [read_picture(data, PictureLimits()).thumbnail for data in whole]
    told: dict[str, Any] = {
        "photos": len(pictures),
        "photo_bytes": round(sum(map(len, whole)) / len(whole)),
        "sent_bytes": round(sum(map(len, small)) / len(small)),
    }
    for name, spec in (("lite", "lite"), ("ViT-B-16, random weights", f"onnx:{bundle(models, 'fp32')}")):
        say(f"cosines: {name}")
        encoder = load_encoder(spec, EmbeddingSettings())
        cosines = []
        for one, other in zip(whole, small, strict=True):
            both = encoder.encode_images([encoder.prepare_image(one), encoder.prepare_image(other)])
            cosines.append(float(both[0] @ both[1]))
        encoder.close()
        told[name] = {"mean_cosine": round(float(np.mean(cosines)), 5), "least_cosine": round(min(cosines), 5)}
    return told
