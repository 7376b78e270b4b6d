"""Vectors of a data set, kept so that a model sees each picture once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from soutu_services.embedding.encoder import Encoder
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.embedded_pairs import EmbeddedPairs, embed_pairs
from soutu_services.tuning.flaws import Flaws

__all__ = ["cached_pairs", "fingerprint"]


def fingerprint(dataset: Dataset, space_id: str) -> str:
    """Digest what the vectors come from: the files, as their sizes and times say, the split and the space."""
    seen = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in dataset.files]
    return hashlib.sha256(json.dumps([dataset.split, space_id, seen]).encode()).hexdigest()[:16]


def cached_pairs(
    dataset: Dataset,
    encoder: Encoder,
    folder: Path,
    flaws: Flaws,
    *,
    threads: int,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> EmbeddedPairs:
    """Return a split's vectors: from a file in the folder, or from the model, which then leaves the file.

    Raises:
        SoutuError: see ``embed_pairs``.
        OSError: the file cannot be written.
    """
    path = folder / f"{dataset.split}-{fingerprint(dataset, encoder.card.space_id)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            texts = tuple(kept["texts"].tolist())
            return EmbeddedPairs(kept["image_ids"], kept["images"], kept["text_ids"], texts, kept["text_vectors"], kept["pairs"])
    pairs = embed_pairs(dataset, encoder, flaws, threads=threads, on_progress=on_progress)
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{path.name}"
    with aside.open("wb") as file:
        np.savez(
            file,
            image_ids=pairs.image_ids,
            images=pairs.images,
            text_ids=pairs.text_ids,
            texts=np.array(pairs.texts),
            text_vectors=pairs.text_vectors,
            pairs=pairs.pairs,
        )
    aside.replace(path)
    return pairs
